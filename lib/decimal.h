/*
 * decimal.h - the decimal digits of a double, correctly rounded.
 */
#ifndef QUALICLIP_DECIMAL_H
#define QUALICLIP_DECIMAL_H

#define DECIMAL_DIGITS_MAX 17

/*
 * Writes the `count` (1 to DECIMAL_DIGITS_MAX) first digits of value >= 0, finite: it is nearest to
 * d.ddd * 10^exponent, ties going to the even digit.  Not terminated.  Returns the exponent.
 */
int decimal_digits(double value, int count, char *digits);

#endif
