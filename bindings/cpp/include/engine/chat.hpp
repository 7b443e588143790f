// Content, reasoning and tool calls out of a model's text. Included by engine.hpp.
#ifndef ENGINE_CHAT_HPP
#define ENGINE_CHAT_HPP

#include <engine/engine.hpp>

namespace engine {

/// Reads one output of a model. Not for concurrent use.
class chat_parser {
public:
    /// options is {"tool_parser": "hermes", "reasoning_parser": "qwen3", "tools": [...], "prompt": "..."}.
    explicit chat_parser(std::string_view options = "{}") {
        engine_chat_parser *out = nullptr;
        detail::check([&](engine_error **err) {
            return engine_chat_parser_create(options.data(), options.size(), &out, err);
        });
        handle_ = handle_type(out);
    }

    /// What the next piece made final, as JSON: [{"kind": "content", "text": "..."}, ...].
    std::string feed(std::string_view text) {
        return json([&](engine_json **out, engine_error **err) {
            return engine_chat_parser_feed(get(), text.data(), text.size(), out, err);
        });
    }

    /// Ends the output; what was held back, as feed gives it.
    std::string finish() {
        return json([&](engine_json **out, engine_error **err) {
            return engine_chat_parser_finish(get(), out, err);
        });
    }

    engine_chat_parser *get() const noexcept { return handle_.get(); }

private:
    using handle_type = detail::handle<engine_chat_parser, engine_chat_parser_release>;
    using json_type = detail::handle<engine_json, engine_json_release>;

    template <class Call> static std::string json(Call call) {
        engine_json *raw = nullptr;
        detail::check([&](engine_error **err) { return call(&raw, err); });
        json_type owned(raw);
        const char *text = nullptr;
        std::uint64_t length = 0;
        detail::check([&](engine_error **err) { return engine_json_text(raw, &text, &length, err); });
        return std::string(text, length);
    }

    handle_type handle_;
};

} // namespace engine

#endif
