// Packing of weights whose stored bits are those of the packed format: they only move. pack.h packs everything, this
// included, by way of floats.
#pragma once

#include "jobs.h"

namespace engine {

// True if every part is stored in the elements or blocks of the packed format.
bool packs_directly(const PackWeightJob& job);

// One panel of such a weight; the same bytes as IsaTable::pack_weight gives.
void pack_directly(const PackWeightJob& job, int64_t panel);

}  // namespace engine
