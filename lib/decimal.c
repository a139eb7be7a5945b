/*
 * decimal.c - a double is a whole number times a power of two: 2^e as it is, 2^-e as 5^e / 10^e.
 * So there is a whole number with all of its digits, of which the first are wanted.
 */
#include "decimal.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* 2^1024 has 309 digits, 2^53 * 5^1074 has 767. */
#define WORDS       90
#define BASE        1000000000u /* of a word */
#define WORD_DIGITS 9

struct whole {
    uint32_t words[WORDS]; /* the lowest first */
    int count;
};

static void multiply(struct whole *whole, uint32_t factor)
{
    uint64_t carry = 0;
    for (int i = 0; i < whole->count; i++) {
        carry += (uint64_t)whole->words[i] * factor;
        whole->words[i] = (uint32_t)(carry % BASE);
        carry /= BASE;
    }
    if (carry)
        whole->words[whole->count++] = (uint32_t)carry;
}

/* Sets the whole number; returns the power of ten that it has to be divided by. */
static int expand(struct whole *whole, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    const int biased = (int)(bits >> 52 & 0x7FF);
    uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
    if (biased)
        mantissa |= UINT64_C(1) << 52;
    int power = (biased ? biased : 1) - 1075;
    while (power < 0 && mantissa % 2 == 0 && mantissa)
        mantissa /= 2, power++;
    whole->count = 0;
    for (; mantissa; mantissa /= BASE)
        whole->words[whole->count++] = (uint32_t)(mantissa % BASE);
    for (int i = 0; i < power; i++)
        multiply(whole, 2);
    for (int i = power; i < 0; i++)
        multiply(whole, 5);
    return power < 0 ? -power : 0;
}

/* Digit `place` of the whole number, place 0 being the last. */
static int digit_at(const struct whole *whole, int place)
{
    if (place < 0)
        return 0;
    uint32_t word = whole->words[place / WORD_DIGITS];
    for (int i = place % WORD_DIGITS; i > 0; i--)
        word /= 10;
    return (int)(word % 10);
}

static bool any_below(const struct whole *whole, int place)
{
    for (int i = 0; i < place; i++)
        if (digit_at(whole, i))
            return true;
    return false;
}

/* Whether the digits down to `place` have to be raised, for what lies below. */
static bool rounds_up(const struct whole *whole, int place)
{
    const int below = digit_at(whole, place - 1);
    if (below != 5)
        return below > 5;
    return any_below(whole, place - 1) || digit_at(whole, place) % 2;
}

int decimal_digits(double value, int count, char *digits)
{
    if (value == 0) {
        memset(digits, '0', (size_t)count);
        return 0;
    }
    struct whole whole;
    const int divided = expand(&whole, value);
    int first = whole.count * WORD_DIGITS - 1; /* place of the first digit that is not 0 */
    while (!digit_at(&whole, first))
        first--;
    for (int i = 0; i < count; i++)
        digits[i] = (char)('0' + digit_at(&whole, first - i));
    if (first - count + 1 > 0 && rounds_up(&whole, first - count + 1)) {
        int i = count - 1;
        while (i >= 0 && digits[i] == '9')
            digits[i--] = '0';
        if (i >= 0) {
            digits[i]++;
        } else {
            digits[0] = '1'; /* 9.99 has become 10.0 */
            first++;
        }
    }
    return first - divided;
}
