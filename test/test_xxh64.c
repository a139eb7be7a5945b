/*
 * test_xxh64.c - the hash against the published test vectors of XXH64.
 */
#include "xxh64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define PRIME32 UINT64_C(2654435761)
#define PRIME64 UINT64_C(11400714785074694797)

static void texts(void **state)
{
    (void)state;
    assert_true(xxh64("", 0, 0) == UINT64_C(0xEF46DB3751D8E999));
    assert_true(xxh64("a", 1, 0) == UINT64_C(0xD24EC4F1A98C6E5B));
    assert_true(xxh64("abc", 3, 0) == UINT64_C(0x44BC2CF5AD770999));
}

/* The sanity check that comes with the reference program: its buffer and its table. */
static void reference_table(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        uint64_t seed, hash;
    } vectors[] = {
        {0, 0, UINT64_C(0xEF46DB3751D8E999)},         {0, PRIME32, UINT64_C(0xAC75FDA2929B17EF)},
        {1, 0, UINT64_C(0xE934A84ADB052768)},         {1, PRIME32, UINT64_C(0x5014607643A9B4C3)},
        {4, 0, UINT64_C(0x9136A0DCA57457EE)},         {14, 0, UINT64_C(0x8282DCC4994E35C8)},
        {14, PRIME32, UINT64_C(0xC3BD6BF63DEB6DF0)},  {222, 0, UINT64_C(0xB641AE8CB691C174)},
        {222, PRIME32, UINT64_C(0x20CB8AB7AE10C14A)},
    };
    unsigned char buffer[224 + 1];
    uint64_t generator = PRIME32;
    for (size_t i = 0; i < 224; i++, generator *= PRIME64)
        buffer[i] = (unsigned char)(generator >> 56);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        assert_true(xxh64(buffer, vectors[i].size, vectors[i].seed) == vectors[i].hash);
    /* At any alignment. */
    memmove(buffer + 1, buffer, 222);
    assert_true(xxh64(buffer + 1, 222, 0) == UINT64_C(0xB641AE8CB691C174));
}

/* Cut anywhere, the same bytes have the same hash. */
static void pieces(void **state)
{
    (void)state;
    unsigned char buffer[200];
    for (size_t i = 0; i < sizeof buffer; i++)
        buffer[i] = (unsigned char)(i * 37 + i / 7);
    for (size_t size = 0; size <= sizeof buffer; size++)
        for (size_t step = 1; step <= 70; step++) {
            struct xxh64_state hash;
            xxh64_begin(&hash, size);
            for (size_t at = 0; at < size; at += step)
                xxh64_add(&hash, buffer + at, size - at < step ? size - at : step);
            assert_true(xxh64_end(&hash) == xxh64(buffer, size, size));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(reference_table),
        cmocka_unit_test(pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
