// Shared memory of the emulated machine: range, alignment, and races between threads.
#include "machine.h"

namespace emu {

namespace {

// True if whoever touched a cell at those epochs is ordered before thread t.
bool ordered(uint16_t other, uint32_t block_epoch, uint32_t warp_epoch, const Thread& t) {
  if (other == Nobody || other == (uint16_t)t.index) return other == Nobody || block_epoch != Unfinished;
  if (block_epoch == Unfinished) return false;
  if (t.block_epoch > block_epoch) return true;
  const bool same_warp = other != SeveralWarps &&
      ((other & WarpMarker) != 0 ? (other & 0x7fff) == t.index / 32 : other / 32 == t.index / 32);
  return same_warp && t.warp_epoch > warp_epoch;
}

uint16_t joined(uint16_t reader, bool fresh, const Thread& t) {
  if (fresh || reader == Nobody || reader == (uint16_t)t.index) return (uint16_t)t.index;
  const int warp = t.index / 32;
  if (reader != SeveralWarps && ((reader & WarpMarker) != 0 ? (reader & 0x7fff) == warp : reader / 32 == warp)) {
    return (uint16_t)(WarpMarker | warp);
  }
  return SeveralWarps;
}

// The same by block barriers, warps, or mbarriers.
bool after_write(const Cell& cell, const Thread& t) {
  if (ordered(cell.writer, cell.write_block_epoch, cell.write_warp_epoch, t)) return true;
  return cell.write_block_epoch != Unfinished && t.seen[cell.writer / 32] > cell.write_clock;
}

bool after_reads(const Cell& cell, const Thread& t) {
  if (ordered(cell.reader, cell.read_block_epoch, cell.read_warp_epoch, t)) return true;
  for (int warp = 0; warp < 32; warp++) {
    if ((cell.readers >> warp & 1) != 0 && t.seen[warp] <= cell.read_clock) return false;
  }
  return true;
}

void touch(Cell& cell, const Thread& t, Access access) {
  if (!after_write(cell, t)) {
    fail(access == Access::Read ? "reads shared memory that another thread, or an unfinished copy, has written"
                                : "writes shared memory that another thread has written",
         "without a barrier");
  }
  if (access == Access::Read) {
    const bool fresh = cell.reader == Nobody || cell.read_block_epoch < t.block_epoch;
    cell.reader = joined(cell.reader, fresh, t);
    cell.readers = (fresh ? 0 : cell.readers) | 1u << t.index / 32;
    cell.read_clock = ++machine.clock;
    cell.read_block_epoch = t.block_epoch;
    cell.read_warp_epoch = t.warp_epoch;
    return;
  }
  if (!after_reads(cell, t)) {
    fail("writes shared memory that another thread may still read", "without a barrier");
  }
  cell.writer = (uint16_t)t.index;
  cell.write_block_epoch = t.block_epoch;
  cell.write_warp_epoch = t.warp_epoch;
  cell.write_clock = ++machine.clock;
  cell.reader = Nobody;
}

uint8_t* locate(uint32_t address, uint32_t bytes, uint32_t alignment) {
  const uint32_t rank = address >> 24, offset = address & 0xffffff;
  if (rank >= machine.cluster.size()) fail("shared memory of a block outside of the cluster");
  if (offset < SharedBase || offset + bytes > SharedBase + machine.shared_bytes) fail("shared memory out of range");
  if (offset % alignment != 0) fail("shared memory misaligned");
  return machine.cluster[rank]->shared + offset;
}

Cell* cells_at(uint32_t address) { return &machine.cluster[address >> 24]->cells[(address & 0xffffff) / 4]; }

void touch_all(uint32_t address, uint32_t bytes, const Thread& t, Access access) {
  const Block& block = *machine.cluster[address >> 24];
  if (access == Access::Write && block.products_in_flight > 0) check_products(block, address, bytes);
  if (&block != t.block) return;  // other blocks of a cluster are not followed
  for (uint32_t i = 0; i < (bytes + 3) / 4; i++) touch(cells_at(address)[i], t, access);
}

}  // namespace

uint8_t* shared_at(uint32_t address, uint32_t bytes, uint32_t alignment, Access access) {
  uint8_t* p = locate(address, bytes, alignment);
  if (access != Access::None) touch_all(address, bytes, *machine.thread, access);
  return p;
}

uint8_t* shared_at_lane(uint32_t address, uint32_t bytes, int lane) {
  uint8_t* p = locate(address, bytes, bytes);
  // The threads of a block lie in one array, so a lane's neighbour is its neighbour there.
  touch_all(address, bytes, machine.thread[lane - machine.thread->lane], Access::Read);
  return p;
}

const uint8_t* shared_at_async(uint32_t address, uint32_t bytes) {
  const uint8_t* p = locate(address, bytes, bytes);
  const Thread& t = *machine.thread;
  for (uint32_t i = 0; i < (bytes + 3) / 4; i++) {
    const Cell& cell = cells_at(address)[i];
    if (cell.write_block_epoch == Unfinished) fail("wgmma reads what an unfinished copy writes");
    if (cell.writer == Nobody) continue;
    if (cell.writer != (uint16_t)t.index && !after_write(cell, t)) {
      fail("wgmma reads shared memory that another thread has written without a barrier");
    }
    // The threads of a block lie in one array.
    if (machine.thread[(int)cell.writer - t.index].async_fence < cell.write_clock) {
      fail("wgmma reads shared memory that a thread has written without fence.proxy.async");
    }
  }
  return p;
}

void begin_copy(uint32_t address) {
  locate(address, 16, 16);
  touch_all(address, 16, *machine.thread, Access::Write);
  for (int i = 0; i < 4; i++) cells_at(address)[i].write_block_epoch = Unfinished;
}

void end_copy(uint32_t address) {
  const Thread& t = *machine.thread;
  for (int i = 0; i < 4; i++) {
    cells_at(address)[i].writer = (uint16_t)t.index;
    cells_at(address)[i].write_block_epoch = t.block_epoch;
    cells_at(address)[i].write_warp_epoch = t.warp_epoch;
    cells_at(address)[i].write_clock = ++machine.clock;
  }
}

void begin_bulk_copy(uint32_t address, uint32_t bytes) {
  touch_all(address, bytes, *machine.thread, Access::Write);
  for (uint32_t i = 0; i < bytes / 4; i++) cells_at(address)[i].write_block_epoch = Unfinished;
}

void end_bulk_copy(uint32_t address, uint32_t bytes) {
  for (uint32_t i = 0; i < bytes / 4; i++) {
    cells_at(address)[i].writer = Nobody;
    cells_at(address)[i].write_block_epoch = 0;
  }
}

}  // namespace emu
