/*
 * omp_threads.h - what is needed of OpenMP, whose threads oneDNN would use, to keep them away.
 *
 * Declared here because clang has no <omp.h> of the library that Debian's oneDNN is linked with.
 */
#ifndef QUALICLIP_TRAIN_OMP_THREADS_H
#define QUALICLIP_TRAIN_OMP_THREADS_H

/* Both are of the calling thread alone. */
void omp_set_num_threads(int threads);
int omp_get_max_threads(void);

#endif
