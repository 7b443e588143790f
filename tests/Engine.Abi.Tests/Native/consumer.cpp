// A C++ program over engine.hpp; exits with 0 if all is well.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include <engine/engine.hpp>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                             \
            return 1;                                                                                        \
        }                                                                                                    \
    } while (0)

int main() {
    engine::model model("fake:delay_ms=1");
    CHECK(model.info().vocab_size == 258);
    engine::params limits(ENGINE_PARAMS_ENGINE);
    limits.set("max_num_seqs", 4).set("enable_prefix_caching", true);
    engine::llm llm(model, &limits);

    engine::request request;
    request.prompt = "hello";
    request.json = R"({"max_tokens": 6, "ignore_eos": true, "logprobs": 2})";
    std::string text;
    int tokens = 0;
    engine::stream stream = llm.generate(request);
    for (const engine::event &e : stream) {
        text += e.text;
        tokens += e.kind == ENGINE_EVENT_TOKEN;
        CHECK(e.kind != ENGINE_EVENT_TOKEN || e.logprobs.size() == 3);
    }
    CHECK(tokens == 6 && !text.empty() && !stream.next());

    engine::params bad(ENGINE_PARAMS_REQUEST);
    try {
        bad.set("temperatur", 0.5);
        return 1;
    } catch (const engine::error &e) {
        CHECK(e.status() == ENGINE_E_INVALID_ARGUMENT && e.parameter() == "temperatur");
        CHECK(e.message().find("temperature") != std::string::npos);
        CHECK(e.code() == engine::make_error_code(ENGINE_E_INVALID_ARGUMENT) && !e.retryable());
    }

    std::error_code code;
    request.json = R"({"temperature": -1})";
    CHECK(!llm.generate(request, code) && code.value() == ENGINE_E_INVALID_ARGUMENT);
    CHECK(!engine::model::load("/no/such/model", nullptr, code) && code.value() == ENGINE_E_NOT_FOUND);

    request.json = R"({"max_tokens": 3000, "ignore_eos": true})";
    engine::stream cancelled = llm.generate(request);
    engine_finish_reason reason = ENGINE_FINISH_NONE;
    int seen = 0;
    for (const engine::event &e : cancelled) {
        if (e.kind == ENGINE_EVENT_TOKEN && ++seen == 2) {
            cancelled.cancel();
        }
        if (e.kind == ENGINE_EVENT_OUTPUT_FINISHED) {
            reason = e.finish_reason;
        }
    }
    CHECK(reason == ENGINE_FINISH_ABORT);

    engine::tokenizer tokenizer = model.tokenizer();
    CHECK(tokenizer.decode(tokenizer.encode("h\xC3\xA9", false)) == "h\xC3\xA9");
    std::uint64_t id = llm.submit(request);
    std::thread canceller([&] { llm.cancel(id); });
    bool ended = false;
    llm.run([&](const engine::event &e) { return !(ended = e.is_terminal()); });
    canceller.join();
    CHECK(ended);
    CHECK(llm.stop(std::chrono::milliseconds(1000)));
    engine::llm moved = std::move(llm);
    return 0;
}
