// What every product by wgmma is launched with, whatever its numbers are.
#pragma once

#include "engine_cuda_linear.h"
#include "harness.h"

struct TileLaunch {
  int tile;  // rows of one
  int splits, blocks, group;
  bool pairs = false;  // of CTAs
};

// Columns of x and weight are of `type`, with so many elements from row to row; slice: columns of k that are summed up
// on their own; shared: bytes by the size of a tile. Fills in what p has besides its product.
template <class Arguments>
void launch_tiles(
    const std::string& kernel, const std::string& format, Arguments& p, const EkcLinear& l, int type, int slice,
    const uint32_t (&shared)[5], const TileLaunch& how, uint32_t seed) {
  const int tiles = (l.rows + how.tile - 1) / how.tile * ((l.n + 127) / 128), slices = (l.k + slice - 1) / slice;
  Memory partials((int64_t)tiles * slices * how.tile * 128 * 4), counters((int64_t)tiles * 4);
  counters.fill(0);
  tensor_map(&p.weight_map, type, l.weight, l.n, l.k, l.weight_stride, how.pairs ? 64 : 128);
  tensor_map(&p.x_map, type, l.x, l.rows, l.k, l.x_stride, how.tile);
  p.partials = partials.address();
  p.counters = counters.address();
  p.splits = how.splits;
  p.group_rows = how.group;
  int form = 0;
  while (8 << form != how.tile) form++;
  launch(
      kernel + (how.pairs ? "_pair" : "") + std::to_string(how.tile) + "_" + format, {(uint32_t)how.blocks, 1, 1},
      EKC_LINEAR_WGMMA_THREADS, shared[form], &p, seed, how.pairs ? 2 : 1);
  for (int i = 0; i < tiles; i++) {
    if (((const int*)counters.data())[i] != 0) report("a counter was left behind");
  }
}

inline std::string tiles_name(
    const std::string& kernel, const std::string& format, int rows, int n, int k, const TileLaunch& how) {
  return kernel + " " + format + " " + std::to_string(rows) + "x" + std::to_string(n) + "x" + std::to_string(k) +
      ", tiles of " + std::to_string(how.tile) + ", splits " + std::to_string(how.splits);
}
