/*
 * curves.h - the numbers behind exp and GELU, for the kernel sets that compute them in vectors.
 *
 * Coefficients stand from the highest power down.  Both polynomials are minimax fits.
 */
#ifndef QUALICLIP_CURVES_H
#define QUALICLIP_CURVES_H

/*
 * exp(x) = 2^n exp(r), where x = n ln 2 + r and |r| <= ln(2) / 2.  ln 2 is in two parts, the first
 * short enough for exact products with n.  Beyond the two limits, exp(x) is 0 or infinite.
 *
 * (exp(r) - 1 - r) / r^2, fitted for the relative error of exp: 3e-9 before rounding.
 */
static const float exp_lowest = -105.0f, exp_highest = 89.0f;
static const float one_over_ln2 = 0x1.715476p+0f;
static const float ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;

#define EXP_TERMS 5
static const float exp_terms[EXP_TERMS] = {0x1.6a23d0p-10f, 0x1.123a20p-7f, 0x1.5558f2p-5f,
                                           0x1.555492p-3f, 0x1.fffffcp-2f};

/*
 * erfcx(z) = exp(z^2) erfc(z) for z >= 0: erfcx(z) (1 + 2 z) is smooth in q = (z - m) / (z + m)
 * with m = 2.5, and the polynomial in q fits it within 2e-8 for z from 0 to 11.
 */
static const float erfcx_middle = 2.5f;

#define ERFCX_TERMS 10
static const float erfcx_terms[ERFCX_TERMS] = {
    0x1.daf6b2p-12f, 0x1.563b16p-12f, -0x1.18e184p-8f, 0x1.0dce08p-10f, 0x1.0c33f8p-5f,
    -0x1.a5d806p-4f, 0x1.42d482p-3f,  -0x1.9598f2p-4f, -0x1.f52c6ep-4f, 0x1.43cc70p+0f};

/* 1 / sqrt 2; and the |x| beyond which the tail of GELU is below the smallest float. */
static const float one_over_sqrt2 = 0x1.6a09e6p-1f;
static const float gelu_tail_ends = 16;

#endif
