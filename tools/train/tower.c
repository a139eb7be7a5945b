/*
 * tower.c - which kind of tower is made; what all of them have in common.
 */
#include "tower.h"

#include <string.h>

struct tower *tower_create(const struct tower_shape *shape, uint32_t batch, uint32_t width,
                           uint32_t height, uint32_t threads, char *message)
{
    return shape->kind == TRAIN_RESNET
               ? tower_create_resnet(shape, batch, width, height, threads, message)
               : tower_create_vit(shape, batch, width, height, threads, message);
}

void tower_destroy(struct tower *tower)
{
    if (tower)
        tower->operations->destroy(tower);
}

struct tower_parameter *tower_find(struct tower *tower, const char *name)
{
    for (size_t i = 0; i < tower->parameter_count; i++)
        if (strcmp(tower->parameters[i].name, name) == 0)
            return &tower->parameters[i];
    return NULL;
}
