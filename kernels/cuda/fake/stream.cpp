// Streams are queues. What is in them runs at a synchronising call at the latest, before that when the seed says so,
// and streams overtake each other wherever no event forbids it.
#include <setjmp.h>
#include <signal.h>

#include <cstring>

#include "engine_cuda_emulation.h"
#include "fake.h"

namespace fake {

static sigjmp_buf kernel_jump;
static volatile sig_atomic_t kernel_runs;
static struct sigaction before;

static void on_fault(int number, siginfo_t* info, void* context) {
  if (kernel_runs) siglongjmp(kernel_jump, 1);
  // The host's own fault: whoever was here first decides.
  if (before.sa_flags & SA_SIGINFO) {
    before.sa_sigaction(number, info, context);
  } else {
    signal(number, SIG_DFL);
    raise(number);
  }
}

static void run(Op& op) {
  State& s = state();
  // A copy and a library's kernel begin when all in front has ended; an event promises nothing to what is behind.
  if (op.kind != kKernel && op.kind != kRecord && op.kind != kWait) ek_emu_finish();
  switch (op.kind) {
    case kKernel: run_kernel(op); break;
    case kProduct: run_product(op); break;
    case kToDevice:
      memcpy((void*)op.target, op.pageable ? op.data.data() : (const char*)op.source, op.bytes);
      break;
    case kToHost: memcpy((void*)op.target, (const void*)op.source, op.bytes); break;
    case kOnDevice: memmove((void*)op.target, (const void*)op.source, op.bytes); break;
    case kFill: memset((void*)op.target, op.value, op.bytes); break;
    case kRecord: op.event->done = op.version > op.event->done ? op.version : op.event->done; break;
    case kWait: break;
  }
  s.counts.guarded++;
}

// A kernel that faults raises the sticky error, as on a device.
static void run_guarded(Op& op) {
  struct sigaction mine;
  memset(&mine, 0, sizeof mine);
  mine.sa_sigaction = on_fault;
  mine.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigaction(SIGSEGV, &mine, &before);
  if (sigsetjmp(kernel_jump, 1) == 0) {
    kernel_runs = 1;
    run(op);
  } else {
    lose(ILLEGAL_ADDRESS, "an access outside of any allocation" +
                              (op.function ? " in " + op.function->name : std::string()));
  }
  kernel_runs = 0;
  sigaction(SIGSEGV, &before, nullptr);
}

static bool ready(const Op& op) { return op.kind != kWait || op.event->done >= op.version; }

// Runs the head of one stream; false if none can run.
static bool run_one(Stream* only) {
  State& s = state();
  std::vector<Stream*> able;
  for (auto& stream : s.streams) {
    if (!stream->queue.empty() && ready(stream->queue.front()) && (!only || only == stream.get()))
      able.push_back(stream.get());
  }
  if (able.empty() || s.lost) return false;
  Stream* chosen = able[next_random() % able.size()];
  Op op = std::move(chosen->queue.front());
  chosen->queue.pop_front();
  run_guarded(op);
  return true;
}

static void run_some(int count, Stream* until_empty) {
  bool any = false;
  for (auto& stream : state().streams) any |= !stream->queue.empty();
  if (!any) return;
  protect_all(true);
  while (!state().lost) {
    if (until_empty ? until_empty->queue.empty() : count-- <= 0) break;
    // A stream that waits for an event of another one needs that one to run.
    if (!run_one(nullptr)) break;
  }
  protect_all(false);
}

void maybe_run() {
  State& s = state();
  if (s.options.mode == kLate) return;
  if (s.options.mode == kEager) return run_some(1 << 30, nullptr);
  if (next_random() % 4 == 0) run_some((int)(next_random() % 6), nullptr);
}

void run_until_empty(Stream* stream) { run_some(0, stream); }

void run_all() { run_some(1 << 30, nullptr); }

Stream* stream_of(void* handle) {
  for (auto& stream : state().streams) {
    if (stream.get() == handle) return stream.get();
  }
  return nullptr;
}

bool anything_captures() {
  for (auto& stream : state().streams) {
    if (stream->capturing) return true;
  }
  return false;
}

CUresult submit(Stream* stream, Op op) {
  State& s = state();
  if (!stream) return refuse(INVALID_HANDLE, "no such stream (the default stream is not used here)");
  if (stream->device != current_device()) return refuse(INVALID_HANDLE, "a stream of another device");
  op.device = stream->device;
  if (stream->capturing) {
    stream->captured.ops.push_back(std::move(op));
    return OK;
  }
  stream->queue.push_back(std::move(op));
  maybe_run();
  return leave(s.lost ? s.lost : OK);
}

static std::shared_ptr<Event> event_of(void* handle) {
  for (auto& e : state().events) {
    if (e.get() == handle) return e;
  }
  return nullptr;
}

}  // namespace fake

using namespace fake;

API CUresult cuStreamCreateWithPriority(void** out, unsigned, int) {
  ENTER_CONTEXT;
  auto stream = std::make_shared<Stream>();
  stream->device = device;
  s.streams.push_back(stream);
  s.counts.streams++;
  *out = stream.get();
  return OK;
}

API CUresult cuStreamDestroy_v2(void* handle) {
  ENTER_CONTEXT;
  Stream* stream = stream_of(handle);
  if (!stream) return INVALID_HANDLE;
  run_until_empty(stream);
  for (size_t i = 0; i < s.streams.size(); i++) {
    if (s.streams[i].get() == handle) s.streams.erase(s.streams.begin() + (long)i);
  }
  s.counts.streams--;
  return leave(OK);
}

API CUresult cuStreamSynchronize(void* handle) {
  ENTER_CONTEXT;
  s.counts.synchronizes++;
  Stream* stream = stream_of(handle);
  if (!stream) return INVALID_HANDLE;
  if (stream->capturing) {
    stream->invalidated = true;
    return refuse(CAPTURE_UNSUPPORTED, "cuStreamSynchronize during capture");
  }
  run_until_empty(stream);
  return leave(OK);
}

API CUresult cuStreamQuery(void* handle) {
  ENTER_CONTEXT;
  Stream* stream = stream_of(handle);
  if (!stream) return INVALID_HANDLE;
  maybe_run();
  return leave(stream->queue.empty() ? OK : NOT_READY);
}

API CUresult cuEventCreate(void** out, unsigned) {
  ENTER_CONTEXT;
  auto event = std::make_shared<Event>();
  event->device = device;
  s.events.push_back(event);
  s.counts.events++;
  *out = event.get();
  return OK;
}

API CUresult cuEventDestroy_v2(void* handle) {
  ENTER_CONTEXT;
  for (size_t i = 0; i < s.events.size(); i++) {
    if (s.events[i].get() != handle) continue;
    s.events.erase(s.events.begin() + (long)i);
    s.counts.events--;
    return OK;
  }
  return INVALID_HANDLE;
}

API CUresult cuEventRecord(void* handle, void* stream) {
  ENTER_CONTEXT;
  Op op(kRecord);
  op.event = event_of(handle);
  if (!op.event) return INVALID_HANDLE;
  op.version = ++op.event->issued;
  return submit(stream_of(stream), std::move(op));
}

API CUresult cuStreamWaitEvent(void* stream, void* handle, unsigned) {
  ENTER_CONTEXT;
  Op op(kWait);
  op.event = event_of(handle);
  if (!op.event) return INVALID_HANDLE;
  op.version = op.event->issued;
  return submit(stream_of(stream), std::move(op));
}

API CUresult cuEventQuery(void* handle) {
  ENTER_CONTEXT;
  auto event = event_of(handle);
  if (!event) return INVALID_HANDLE;
  if (event->done < event->issued) run_some(1, nullptr);  // polling must end some day
  if (s.lost) return leave(0);
  return event->done >= event->issued ? OK : NOT_READY;
}

API CUresult cuEventSynchronize(void* handle) {
  ENTER_CONTEXT;
  s.counts.synchronizes++;
  auto event = event_of(handle);
  if (!event) return INVALID_HANDLE;
  for (int i = 0; i < 1 << 24 && event->done < event->issued && !s.lost; i++) run_some(1, nullptr);
  return leave(OK);
}

API CUresult cuEventElapsedTime(float* out, void* first, void* second) {
  ENTER_CONTEXT;
  if (!event_of(first) || !event_of(second)) return INVALID_HANDLE;
  *out = 0.001f;  // time does not pass here
  return OK;
}
