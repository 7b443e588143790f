// Capture and graphs: lists of operations, replayed in order.
#include "fake.h"

using namespace fake;

template <class T>
static std::shared_ptr<T> take(std::vector<std::shared_ptr<T>>& all, void* handle) {
  for (size_t i = 0; i < all.size(); i++) {
    if (all[i].get() != handle) continue;
    auto found = all[i];
    all.erase(all.begin() + (long)i);
    return found;
  }
  return nullptr;
}

API CUresult cuStreamBeginCapture_v2(void* handle, int) {
  ENTER_CONTEXT;
  Stream* stream = stream_of(handle);
  if (!stream) return INVALID_HANDLE;
  if (stream->capturing) return refuse(CAPTURE_UNSUPPORTED, "the stream captures already");
  stream->capturing = true;
  stream->invalidated = false;
  stream->captured = Graph{device, {}};
  return OK;
}

API CUresult cuStreamEndCapture(void* handle, void** out) {
  ENTER_CONTEXT;
  *out = nullptr;
  Stream* stream = stream_of(handle);
  if (!stream) return INVALID_HANDLE;
  if (!stream->capturing) return refuse(INVALID_VALUE, "the stream does not capture");
  stream->capturing = false;
  if (stream->invalidated) return refuse(CAPTURE_INVALIDATED, "an earlier call ended the capture");
  auto graph = std::make_shared<Graph>(std::move(stream->captured));
  s.graphs.push_back(graph);
  s.counts.graphs++;
  *out = graph.get();
  return OK;
}

API CUresult cuGraphInstantiateWithFlags(void** out, void* handle, unsigned long long) {
  ENTER_CONTEXT;
  if (s.fail_alloc >= 0 && s.fail_alloc-- == 0) return refuse(s.fail_alloc_code, "injected");
  for (auto& g : s.graphs) {
    if (g.get() != handle) continue;
    auto exec = std::make_shared<Graph>(*g);
    s.execs.push_back(exec);
    s.counts.graph_execs++;
    *out = exec.get();
    return OK;
  }
  return INVALID_HANDLE;
}

API CUresult cuGraphLaunch(void* handle, void* stream_handle) {
  ENTER_CONTEXT;
  Stream* stream = stream_of(stream_handle);
  if (!stream) return INVALID_HANDLE;
  for (auto& g : s.execs) {
    if (g.get() != handle) continue;
    s.counts.graph_launches++;
    for (const Op& op : g->ops) {
      Op copy = op;
      if (copy.kind == kRecord) copy.version = ++copy.event->issued;
      CUresult r = submit(stream, std::move(copy));
      if (r != OK) return r;
    }
    return leave(OK);
  }
  return INVALID_HANDLE;
}

API CUresult cuGraphDestroy(void* handle) {
  ENTER_CONTEXT;
  if (!take(s.graphs, handle)) return INVALID_HANDLE;
  s.counts.graphs--;
  return OK;
}

API CUresult cuGraphExecDestroy(void* handle) {
  ENTER_CONTEXT;
  if (!take(s.execs, handle)) return INVALID_HANDLE;
  s.counts.graph_execs--;
  return OK;
}
