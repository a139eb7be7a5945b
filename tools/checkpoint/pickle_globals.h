/*
 * pickle_globals.h - the only names a pickle may use, and the values that calling them stands for.
 */
#ifndef QUALICLIP_PICKLE_GLOBALS_H
#define QUALICLIP_PICKLE_GLOBALS_H

#include "problem.h"
#include "value.h"

/* The known global `module`.`name`, or NULL: an unknown name (the message says so) or no memory. */
struct value *find_global(const char *module, const char *name, const char *origin,
                          struct value_pool *pool, char *message);

/* What calling a known global with a tuple of arguments gives; NULL: the message says why not. */
struct value *call_global(const struct value *callable, struct value *arguments,
                          const char *origin, struct value_pool *pool, char *message);

/* An object without attributes yet, of a class that the archive itself brings, or one of no use;
 * NULL: it is of neither. */
struct value *new_module(const struct value *class, const struct value *arguments,
                         const char *origin, struct value_pool *pool, char *message);

/* The storage that a persistent id ('storage', type, key, location, elements) stands for. */
struct value *find_storage(const struct value *id, const char *origin, struct value_pool *pool,
                           char *message);

#endif
