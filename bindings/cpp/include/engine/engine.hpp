// engine.hpp: C++17 over engine.h. Header-only, RAII, every failing call in two forms: one throws
// engine::error, one takes a std::error_code & and never throws it. Objects are move-only.
#ifndef ENGINE_ENGINE_HPP
#define ENGINE_ENGINE_HPP

#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <engine/engine.h>

namespace engine {

/// The category of error codes whose values are engine_status.
inline const std::error_category &category() {
    class status_category final : public std::error_category {
        const char *name() const noexcept override { return "engine"; }
        std::string message(int status) const override { return engine_status_message(status); }
    };
    static const status_category instance;
    return instance;
}

inline std::error_code make_error_code(engine_status status) {
    return std::error_code(static_cast<int>(status), category());
}

/// What a call failed with: code() holds the engine_status.
class error : public std::system_error {
public:
    error(engine_status status, const std::string &message, std::string parameter, bool retryable)
        : std::system_error(make_error_code(status), message), message_(message),
          parameter_(std::move(parameter)), retryable_(retryable) {}

    engine_status status() const noexcept { return code().value(); }
    /// The message alone, without the category's text.
    const std::string &message() const noexcept { return message_; }
    /// Path of the offending field, or "".
    const std::string &parameter() const noexcept { return parameter_; }
    /// True if the same call may succeed later without a change.
    bool retryable() const noexcept { return retryable_; }

private:
    std::string message_;
    std::string parameter_;
    bool retryable_;
};

namespace detail {

inline error take_error(engine_status status, engine_error *raw) {
    if (!raw) {
        return error(status, engine_status_message(status), "", false);
    }
    const char *parameter = engine_error_parameter(raw);
    error result(status, engine_error_message(raw), parameter ? parameter : "",
                 engine_error_retryable(raw) != 0);
    engine_error_release(raw);
    return result;
}

/// Calls f(engine_error **) and throws on failure.
template <typename Call> engine_status check(Call &&call) {
    engine_error *raw = nullptr;
    engine_status status = call(&raw);
    if (status < 0) {
        throw take_error(status, raw);
    }
    return status;
}

/// Calls f(engine_error **) and sets the code.
template <typename Call> engine_status check(std::error_code &code, Call &&call) {
    engine_status status = call(static_cast<engine_error **>(nullptr));
    code = status < 0 ? make_error_code(status) : std::error_code();
    return status;
}

/// Runs a throwing function and turns engine::error into a code.
template <typename Function> auto no_throw(std::error_code &code, Function &&function) {
    using result = decltype(function());
    code.clear();
    try {
        return std::optional<result>(function());
    } catch (const error &e) {
        code = e.code();
        return std::optional<result>();
    }
}

/// Fills (buffer, capacity, length) as often as it takes.
template <typename Buffer, typename Call> Buffer fill(std::size_t guess, Call &&call) {
    Buffer buffer(guess ? guess : 1, typename Buffer::value_type());
    for (;;) {
        std::uint64_t length = 0;
        engine_error *raw = nullptr;
        engine_status status = call(buffer.data(), static_cast<std::uint64_t>(buffer.size()), &length, &raw);
        if (status == ENGINE_E_BUFFER_TOO_SMALL && length > buffer.size()) {
            engine_error_release(raw);
            buffer.resize(static_cast<std::size_t>(length));
            continue;
        }
        if (status < 0) {
            throw take_error(status, raw);
        }
        buffer.resize(static_cast<std::size_t>(length));
        return buffer;
    }
}

/// An owned handle.
template <typename T, engine_status (*Release)(T *)> class handle {
public:
    handle() noexcept = default;
    explicit handle(T *value) noexcept : value_(value) {}
    handle(handle &&other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
    handle &operator=(handle &&other) noexcept {
        if (this != &other) {
            reset();
            value_ = std::exchange(other.value_, nullptr);
        }
        return *this;
    }
    handle(const handle &) = delete;
    handle &operator=(const handle &) = delete;
    ~handle() { reset(); }

    /// Releases now.
    void reset() noexcept { Release(std::exchange(value_, nullptr)); }
    T *get() const noexcept { return value_; }
    explicit operator bool() const noexcept { return value_ != nullptr; }

private:
    T *value_ = nullptr;
};

} // namespace detail

inline std::string version() { return engine_version_string(); }
inline bool has_feature(const char *name) { return engine_has_feature(name) != 0; }

/// Settings by key; unknown keys are refused, with the nearest one named.
class params {
public:
    explicit params(engine_params_kind kind) {
        engine_params *out = nullptr;
        detail::check([&](engine_error **err) { return engine_params_create(kind, &out, err); });
        handle_ = handle_type(out);
    }

    static params from_json(engine_params_kind kind, std::string_view json) {
        engine_params *out = nullptr;
        detail::check([&](engine_error **err) {
            return engine_params_from_json(kind, json.data(), json.size(), &out, err);
        });
        return params(out);
    }

    params &set(const char *key, std::int64_t value) {
        detail::check([&](engine_error **err) { return engine_params_set_i64(get(), key, value, err); });
        return *this;
    }
    params &set(const char *key, int value) { return set(key, static_cast<std::int64_t>(value)); }
    params &set(const char *key, double value) {
        detail::check([&](engine_error **err) { return engine_params_set_f64(get(), key, value, err); });
        return *this;
    }
    params &set(const char *key, bool value) {
        detail::check([&](engine_error **err) { return engine_params_set_bool(get(), key, value, err); });
        return *this;
    }
    params &set(const char *key, std::string_view value) {
        detail::check([&](engine_error **err) {
            return engine_params_set_str(get(), key, value.data(), value.size(), err);
        });
        return *this;
    }
    params &set(const char *key, const char *value) { return set(key, std::string_view(value)); }
    params &set_json(const char *key, std::string_view json) {
        detail::check([&](engine_error **err) {
            return engine_params_set_json(get(), key, json.data(), json.size(), err);
        });
        return *this;
    }

    std::string json() const {
        return detail::fill<std::string>(1024, [&](char *buffer, std::uint64_t capacity,
                                                   std::uint64_t *length, engine_error **err) {
            return engine_params_json(get(), buffer, capacity, length, err);
        });
    }

    engine_params *get() const noexcept { return handle_.get(); }

private:
    friend class model;
    using handle_type = detail::handle<engine_params, engine_params_release>;
    explicit params(engine_params *value) : handle_(value) {}
    handle_type handle_;
};

/// Text to ids and back, and chat templates. Safe for concurrent use.
class tokenizer {
public:
    explicit tokenizer(std::string_view path) {
        engine_tokenizer *out = nullptr;
        detail::check([&](engine_error **err) {
            return engine_tokenizer_load(path.data(), path.size(), &out, err);
        });
        handle_ = handle_type(out);
    }

    std::vector<std::int32_t> encode(std::string_view text, bool add_special = true) const {
        return detail::fill<std::vector<std::int32_t>>(
            text.size() + 16, [&](std::int32_t *tokens, std::uint64_t capacity, std::uint64_t *length,
                                  engine_error **err) {
                return engine_tokenize(get(), text.data(), text.size(),
                                       add_special ? ENGINE_TEXT_ADD_SPECIAL : ENGINE_TEXT_NONE, tokens,
                                       capacity, length, err);
            });
    }

    std::string decode(const std::vector<std::int32_t> &tokens, bool skip_special = false) const {
        return detail::fill<std::string>(
            tokens.size() * 8 + 16,
            [&](char *buffer, std::uint64_t capacity, std::uint64_t *length, engine_error **err) {
                return engine_detokenize(get(), tokens.data(), tokens.size(),
                                         skip_special ? ENGINE_TEXT_SKIP_SPECIAL : ENGINE_TEXT_NONE, buffer,
                                         capacity, length, err);
            });
    }

    /// The prompt of a conversation as text: json is {"messages": [...], "add_generation_prompt": true, ...}.
    /// Encoded, what messages wrote could become control tokens: encode_chat keeps it text.
    std::string apply_chat_template(std::string_view json) const {
        return detail::fill<std::string>(
            4096, [&](char *buffer, std::uint64_t capacity, std::uint64_t *length, engine_error **err) {
                return engine_chat_template_apply(get(), json.data(), json.size(), buffer, capacity, length,
                                                  err);
            });
    }

    /// The ids of a conversation's prompt, for request::tokens; control tokens are the template's alone.
    std::vector<std::int32_t> encode_chat(std::string_view json) const {
        return detail::fill<std::vector<std::int32_t>>(
            2048, [&](std::int32_t *tokens, std::uint64_t capacity, std::uint64_t *length, engine_error **err) {
                return engine_chat_tokenize(get(), json.data(), json.size(), tokens, capacity, length, err);
            });
    }

    int vocab_size() const {
        engine_tokenizer_info info{};
        info.struct_size = sizeof info;
        detail::check([&](engine_error **err) { return engine_tokenizer_get_info(get(), &info, err); });
        return info.vocab_size;
    }

    engine_tokenizer *get() const noexcept { return handle_.get(); }

private:
    friend class model;
    using handle_type = detail::handle<engine_tokenizer, engine_tokenizer_release>;
    explicit tokenizer(engine_tokenizer *value) : handle_(value) {}
    handle_type handle_;
};

/// A model's weights, tokenizer and configuration; shared by any number of engines.
class model {
public:
    explicit model(std::string_view path, const params *options = nullptr) {
        engine_model *out = nullptr;
        detail::check([&](engine_error **err) {
            return engine_model_load(path.data(), path.size(), options ? options->get() : nullptr, &out, err);
        });
        handle_ = handle_type(out);
    }
    static std::optional<model> load(std::string_view path, const params *options, std::error_code &code) {
        return detail::no_throw(code, [&] { return model(path, options); });
    }

    engine_model_info info() const {
        engine_model_info info{};
        info.struct_size = sizeof info;
        detail::check([&](engine_error **err) { return engine_model_get_info(get(), &info, err); });
        return info;
    }

    class tokenizer tokenizer() const {
        engine_tokenizer *out = nullptr;
        detail::check([&](engine_error **err) { return engine_model_tokenizer(get(), &out, err); });
        return engine::tokenizer(out);
    }

    /// What generation_config.json recommends.
    params default_params() const {
        engine_params *out = nullptr;
        detail::check([&](engine_error **err) { return engine_model_default_params(get(), &out, err); });
        return params(out);
    }

    engine_model *get() const noexcept { return handle_.get(); }

private:
    using handle_type = detail::handle<engine_model, engine_model_release>;
    handle_type handle_;
};

} // namespace engine

#include <engine/chat.hpp>
#include <engine/pooling.hpp>
#include <engine/stream.hpp>

#endif
