// Instructions of sm_90a on the emulated machine: tensor copies, setmaxnreg, and wgmma.
//
// A product reads shared memory as late as its wait, as early as its issue, or in between. Its accumulators are
// poisoned from issue to wait, and must be left alone meanwhile.
#include "machine.h"

#include "engine_cuda_emulation.h"

namespace emu {

namespace {

constexpr uint64_t MapMagic = 0x656b656d746d6170ull;
constexpr uint32_t Poison = 0x7fc0dead;
constexpr int WarpsOfGroup = 4;

int warp_index() { return machine.thread->index / 32; }

// The four warps of a warpgroup must issue one sequence of instructions.
void in_step(uint64_t instruction) {
  WarpProducts& mine = machine.thread->warp->products;
  std::vector<uint64_t>& all = machine.thread->block->warpgroups[warp_index() / WarpsOfGroup];
  if (mine.issued == all.size()) all.push_back(instruction);
  else if (all[mine.issued] != instruction) fail("warps of a warpgroup issue different instructions");
  mine.issued++;
}

uint64_t mixed(uint64_t kind, uint64_t a, uint64_t b) {
  return (kind * 0x9e3779b97f4a7c15ull ^ a) * 0xbf58476d1ce4e5b9ull ^ b;
}

// A descriptor's operand, k contiguous: where the 16 bytes at (row, half) are.
struct Operand {
  uint32_t base, group_bytes, row_bytes, swizzle, rank;
  explicit Operand(uint64_t descriptor) : rank(machine.thread->block->rank << 24) {
    base = (descriptor & 0x3fff) << 4;
    group_bytes = (descriptor >> 32 & 0x3fff) << 4;
    swizzle = (uint32_t)(descriptor >> 62);
    row_bytes = swizzle == 0 ? 16 : 256 >> swizzle;
    if ((descriptor >> 46 & 0xffff) != 0) fail("bits of a wgmma descriptor that must be zero are set");
    if (swizzle == 0) fail("a wgmma operand without a swizzle is not emulated");
    // Rows start on whole lines but for the place in k, so that the pattern fits the address.
    if (base % (8 * row_bytes) >= row_bytes) fail("a wgmma operand does not begin at a group of eight rows");
  }
  uint32_t chunk(int row, int half) const {
    const uint32_t at = base + (uint32_t)(row / 8) * group_bytes + (uint32_t)(row % 8) * row_bytes + half * 16;
    return rank | (at ^ (at >> 7 & ((8u >> (swizzle - 1)) - 1)) << 4);
  }
  // Lowest and highest address of so many rows, of whole lines.
  bool overlaps(uint32_t address, uint32_t bytes, int first_row, int rows) const {
    const uint32_t first = base & ~(row_bytes - 1), start = first + (uint32_t)(first_row / 8) * group_bytes;
    const uint32_t end = first + (uint32_t)((first_row + rows - 1) / 8) * group_bytes + 8 * row_bytes;
    const uint32_t from = address & 0xffffff;
    return from < end && from + bytes > start;
  }
};

// An operand of 16 k and n columns, columns contiguous: lines of 64 columns, one for each k.
struct ColumnOperand {
  uint32_t base, column_bytes, group_bytes, rank;
  explicit ColumnOperand(uint64_t descriptor) : rank(machine.thread->block->rank << 24) {
    base = (descriptor & 0x3fff) << 4;
    column_bytes = (descriptor >> 16 & 0x3fff) << 4;
    group_bytes = (descriptor >> 32 & 0x3fff) << 4;
    if ((descriptor >> 46 & 0xffff) != 0) fail("bits of a wgmma descriptor that must be zero are set");
    if (descriptor >> 62 != 1) fail("a wgmma operand of columns is emulated with a swizzle of 128 bytes");
    if (base % 1024 != 0) fail("a wgmma operand of columns does not begin at a group of eight k");
  }
  uint32_t chunk(int k, int column) const {
    const uint32_t at = base + (uint32_t)(column / 64) * column_bytes + (uint32_t)(k / 8) * group_bytes +
        (uint32_t)(k % 8) * 128 + (uint32_t)(column % 64) * 2;
    return rank | (at ^ (at >> 7 & 7) << 4);
  }
  bool overlaps(uint32_t address, uint32_t bytes, int columns) const {
    const uint32_t from = address & 0xffffff;
    for (int block = 0; block < (columns + 63) / 64; block++) {
      for (uint32_t group = 0; group < 2; group++) {
        const uint32_t start = base + (uint32_t)block * column_bytes + group * group_bytes;
        if (from < start + 1024 && from + bytes > start) return true;
      }
    }
    return false;
  }
};

constexpr int LineElements = 32;  // of 32 bytes of k, or half as many

// [n][16] elements of 16 bits.
void read_columns(std::vector<uint16_t>& out, uint64_t descriptor, int n) {
  const ColumnOperand operand(descriptor);
  for (int k = 0; k < 16; k++) {
    for (int column = 0; column < n; column += 8) {
      uint16_t values[8];
      memcpy(values, shared_at_async(operand.chunk(k, column), 16), 16);
      for (int i = 0; i < 8; i++) out[(size_t)(column + i) * 16 + k] = values[i];
    }
  }
}

void read_row(float (&out)[LineElements], const Operand& operand, int row, const ProductKind& kind, bool is_b) {
  uint8_t bytes[32];
  for (int half = 0; half < 2; half++) memcpy(bytes + 16 * half, shared_at_async(operand.chunk(row, half), 16), 16);
  kind.decode(out, bytes, is_b);
}

void compute(WarpProducts& all, Product& product) {
  Accumulator& accumulator = all.accumulators[product.accumulator];
  const bool in_registers = !product.rows.empty();
  float rows[16][LineElements], column[LineElements];
  std::vector<uint16_t> columns((size_t)product.n * 16);
  if (in_registers) read_columns(columns, product.b, product.n);
  for (int i = 0; i < 16; i++) {
    if (in_registers) product.kind.decode(rows[i], (const uint8_t*)&product.rows[(size_t)i * 16], false);
    else read_row(rows[i], Operand(product.a), product.row + i, product.kind, false);
  }
  for (int n = 0; n < product.n; n++) {
    if (in_registers) product.kind.decode(column, (const uint8_t*)&columns[(size_t)n * 16], true);
    else read_row(column, Operand(product.b), n, product.kind, true);
    for (int i = 0; i < 16; i++) {
      product.kind.add(accumulator.values[(size_t)(i * product.n + n)], product.adds, rows[i], column);
    }
  }
  product.done = true;
}

void compute_all(WarpProducts& all, std::vector<Product>& products) {
  for (Product& product : products) {
    if (!product.done) compute(all, product);
  }
}

// Register e of a lane holds row lane / 4 + 8 (e / 2 % 2), column 8 (e / 4) + 2 (lane % 4) + e % 2.
template <class F>
void each_register(Accumulator& accumulator, int n, F body) {
  for (int lane = 0; lane < 32; lane++) {
    for (int e = 0; e < n / 2; e++) {
      const int row = lane / 4 + e / 2 % 2 * 8, column = e / 4 * 8 + lane % 4 * 2 + e % 2;
      body(accumulator.lanes[lane][e], accumulator.values[(size_t)(row * n + column)]);
    }
  }
}

void check_poisoned(Accumulator& accumulator, int n) {
  each_register(accumulator, n, [](uint32_t& mine, uint32_t&) {
    if (mine != Poison) fail("an accumulator was written while a wgmma was in flight");
  });
}

// The 16 rows of a warp out of its lanes' registers, as mma takes them; none if a descriptor says where they are.
std::vector<uint16_t> gather_rows(Meeting& meeting) {
  std::vector<uint16_t> rows;
  if (((ProductOperands*)meeting.slot[0])->rows == nullptr) return rows;
  rows.resize(256);
  for (int lane = 0; lane < 32; lane++) {
    const uint32_t* mine = ((ProductOperands*)meeting.slot[lane])->rows;
    for (int i = 0; i < 8; i++) {
      const int row = lane / 4 + i / 2 % 2 * 8, k = lane % 4 * 2 + i / 4 * 8 + i % 2;
      rows[(size_t)(row * 16 + k)] = (uint16_t)(mine[i / 2] >> 16 * (i % 2));
    }
  }
  return rows;
}

size_t accumulator_of(WarpProducts& all, Meeting& meeting, int n) {
  for (auto& [id, accumulator] : all.accumulators) {
    if (accumulator.lanes[0] != ((ProductOperands*)meeting.slot[0])->d) continue;
    if ((int)accumulator.values.size() != 16 * n) fail("accumulators of two shapes share registers in flight");
    check_poisoned(accumulator, n);
    return id;
  }
  Accumulator& fresh = all.accumulators[++all.next_accumulator];
  fresh.values.resize(16 * (size_t)n);
  for (int lane = 0; lane < 32; lane++) fresh.lanes[lane] = ((ProductOperands*)meeting.slot[lane])->d;
  each_register(fresh, n, [](uint32_t& mine, uint32_t& value) {
    value = mine;
    mine = Poison;
  });
  return all.next_accumulator;
}

void give_back(WarpProducts& all) {
  for (auto it = all.accumulators.begin(); it != all.accumulators.end();) {
    if (it->second.pending > 0) {
      ++it;
      continue;
    }
    const int n = (int)it->second.values.size() / 16;
    check_poisoned(it->second, n);
    each_register(it->second, n, [](uint32_t& mine, uint32_t& value) { mine = value; });
    it = all.accumulators.erase(it);
  }
}

}  // namespace

const TensorMap& tensor_map(uint64_t address) {
  const TensorMap& map = *(const TensorMap*)address;
  if (address % 64 != 0) fail("a tensor map misaligned");
  if (map.magic != MapMagic) fail("not a tensor map");
  return map;
}

void tensor_copy(uint32_t to, const TensorMap& map, int column, int row, uint32_t barrier) {
  const uint32_t line = map.box_columns * map.element_bytes, bytes = line * map.box_rows;
  uint8_t* target = shared_at(to, bytes, 128, Access::None);
  if (map.swizzle != 0 && to % (2048u >> map.swizzle) != 0) fail("a tensor copy off its swizzle's pattern");
  const int64_t end = column + (int64_t)map.box_columns < (int64_t)map.columns ? column + (int64_t)map.box_columns
                                                                                : (int64_t)map.columns;
  for (int64_t y = row; y < row + (int64_t)map.box_rows && column >= 0 && column < end; y++) {
    if (y < 0 || y >= (int64_t)map.rows) continue;
    const uint64_t from = map.base + (uint64_t)y * map.stride + (uint64_t)column * map.element_bytes;
    check_global((const void*)from, (uint64_t)(end - column) * map.element_bytes, 2);
  }
  begin_bulk_copy(to, bytes);
  memset(target, 0xff, bytes);
  const uint32_t mask = map.swizzle == 0 ? 0 : (8u >> (map.swizzle - 1)) - 1;
  auto copy = [=] {
    for (uint32_t i = 0; i < bytes; i += 16) {
      const int64_t x = column + (int64_t)(i % line / map.element_bytes), y = row + (int64_t)(i / line);
      const uint32_t at = to + i, swizzled = (at ^ (at >> 7 & mask) << 4) - to;
      memset(target + swizzled, 0, 16);
      if (x < 0 || y < 0 || x >= (int64_t)map.columns || y >= (int64_t)map.rows) continue;
      const uint64_t from = map.base + (uint64_t)y * map.stride + (uint64_t)x * map.element_bytes;
      const uint64_t left = (map.columns - (uint64_t)x) * map.element_bytes, count = left < 16 ? left : 16;
      memcpy(target + swizzled, (const void*)from, count);
    }
    end_bulk_copy(to, bytes);
    complete_bytes(barrier, bytes);
  };
  if (do_it_now()) copy();
  else machine.pending.push_back(copy);
}

void change_registers(int count, bool raises) {
  Thread& t = *machine.thread;
  if (count % 8 != 0 || count < 24 || count > 256) fail("setmaxnreg of a number that is not allowed");
  meet("setmaxnreg", nullptr, (uint64_t)count, [&](Meeting&) {
    in_step(mixed(5, (uint64_t)count, raises));
    if (raises ? count < t.warp->registers : count > t.warp->registers) fail("setmaxnreg in the wrong direction");
  });
  // The last lane moves the warp's registers.
  const int change = (count - t.warp->registers) * 32;
  if (t.lane == 31) {
    while (change > t.block->free_registers) yield();
    t.block->free_registers -= change;
    t.warp->registers = count;
    machine.progress++;
  }
  meet("setmaxnreg", nullptr, 0, [](Meeting&) {});
}

void product_fence() {
  in_step(mixed(1, 0, 0));
  machine.thread->warp->products.fenced = true;
}

void product(Meeting& meeting, int n, const ProductKind& kind) {
  const ProductOperands& first = *(ProductOperands*)meeting.slot[0];
  WarpProducts& all = machine.thread->warp->products;
  for (int lane = 1; lane < 32; lane++) {
    const ProductOperands& other = *(ProductOperands*)meeting.slot[lane];
    if (other.a != first.a || other.b != first.b || other.adds != first.adds) fail("lanes' wgmmas differ");
  }
  in_step(mixed(2, first.a, first.b));
  in_step(mixed(3, (uint64_t)n, first.adds));
  if (!all.fenced) fail("wgmma without wgmma.fence since its accumulators could be touched");
  const size_t accumulator = accumulator_of(all, meeting, n);
  all.accumulators[accumulator].pending++;
  machine.thread->block->products_in_flight++;
  const int row = warp_index() % WarpsOfGroup * 16;
  all.open.push_back(
      Product{first.a, first.b, n, row, first.adds, false, accumulator, kind, gather_rows(meeting)});
  if (!do_it_now()) return;
  for (auto& group : all.groups) compute_all(all, group);
  compute_all(all, all.open);
}

void product_commit() {
  WarpProducts& all = machine.thread->warp->products;
  in_step(mixed(4, 0, 0));
  all.groups.push_back(all.open);
  all.open.clear();
}

void product_wait(int left) {
  WarpProducts& all = machine.thread->warp->products;
  in_step(mixed(6, (uint64_t)left, 0));
  while ((int)all.groups.size() > left) {
    compute_all(all, all.groups[0]);
    for (const Product& product : all.groups[0]) all.accumulators[product.accumulator].pending--;
    machine.thread->block->products_in_flight -= (int)all.groups[0].size();
    all.groups.erase(all.groups.begin());
  }
  give_back(all);
  all.fenced = false;
}

void check_products(const Block& block, uint32_t address, uint32_t bytes) {
  auto check = [&](const std::vector<Product>& products) {
    for (const Product& product : products) {
      const bool reads = product.rows.empty()
          ? Operand(product.a).overlaps(address, bytes, product.row, 16) ||
              Operand(product.b).overlaps(address, bytes, 0, product.n)
          : ColumnOperand(product.b).overlaps(address, bytes, product.n);
      if (reads) {
        fail("writes shared memory that a wgmma in flight may read");
      }
    }
  };
  for (const Warp& warp : block.warps) {
    for (const auto& group : warp.products.groups) check(group);
    check(warp.products.open);
  }
}

void check_products_at_end(const Warp& warp) {
  if (!warp.products.open.empty()) fail("a warp ended with a wgmma that it had not committed");
  if (!warp.products.groups.empty()) fail("a warp ended with a wgmma that it had not waited for");
}

}  // namespace emu

using namespace emu;

int32_t ek_emu_encode_tensor_map(
    void* target, int32_t element_bytes, const void* base, const uint64_t* dims, uint64_t stride, const uint32_t* box,
    int32_t swizzle) {
  static_assert(sizeof(TensorMap) <= 128, "as large as the driver's");
  static const uint32_t swizzles[] = {0, 3, 2, 1};  // the driver's numbers of none, 32, 64 and 128 bytes
  const uint64_t line = (uint64_t)box[0] * (uint64_t)element_bytes, limit = 16u << swizzle;
  if ((uintptr_t)target % 64 != 0 || (uintptr_t)base % 16 != 0 || stride % 16 != 0 || stride >= 1ull << 40) return -1;
  if (dims[0] == 0 || dims[1] == 0 || dims[0] > 1ull << 32 || dims[1] > 1ull << 32) return -1;
  if (box[0] == 0 || box[1] == 0 || box[0] > 256 || box[1] > 256 || line % 16 != 0) return -1;
  if (swizzle < 0 || swizzle > 3 || (swizzle > 0 && line > limit)) return -1;
  memset(target, 0, 128);
  *(TensorMap*)target = TensorMap{MapMagic, (uint64_t)base, dims[0], dims[1], stride, (uint32_t)element_bytes,
                                  box[0], box[1], swizzles[swizzle]};
  return 0;
}
