/* placeholder: comes from branch resnet */
#include "tower.h"
void initialise_tower(struct tower *tower, uint64_t seed);
