/* Made by test/reference/make_losses_golden.py: each term of the losses. */
static const double golden_terms[loss_term_count] = {
    [LOSS_CONSISTENCY] = 0.335399809981,
    [LOSS_POSITIVE] = 0.253156860428,
    [LOSS_NEGATIVE] = 0.294281703907,
    [LOSS_ACROSS] = 0.635309511092,
    [LOSS_CALIBRATION] = 0.734761432529,
    [LOSS_AUXILIARY] = 6.44101914325,
    [LOSS_TEACHER] = 1.75218781111,
};
