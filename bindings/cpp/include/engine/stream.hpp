// stream.hpp: engines and requests; included by engine.hpp.
#ifndef ENGINE_STREAM_HPP
#define ENGINE_STREAM_HPP

#include <chrono>
#include <iterator>

#include <engine/engine.hpp>

namespace engine {

/// A prompt with how to continue it. The views must live until submit returns.
struct request {
    std::optional<std::string_view> prompt;
    const std::vector<std::int32_t> *tokens = nullptr;
    const params *options = nullptr;   ///< of kind ENGINE_PARAMS_REQUEST
    std::string_view json = {};        ///< the same as JSON; not both
    std::uint64_t user_tag = 0;
};

/// A copy of an engine_event.
struct event {
    engine_event_kind kind = ENGINE_EVENT_TOKEN;
    std::uint64_t user_tag = 0;
    std::uint64_t request_id = 0;
    int output_index = 0;
    std::int32_t token = -1;
    std::string text;
    float logprob = 0;
    int rank = 0;
    engine_finish_reason finish_reason = ENGINE_FINISH_NONE;
    engine_status status = ENGINE_OK;
    std::vector<engine_logprob> logprobs;
    std::vector<std::int32_t> tokens;
    std::vector<std::int32_t> logprob_counts;
    int num_cached_tokens = 0;
    std::int32_t stop_token = -1;
    std::string stop_text;
    std::string parameter;

    event() = default;
    explicit event(const engine_event &raw)
        : kind(raw.kind), user_tag(raw.user_tag), request_id(raw.request_id),
          output_index(raw.output_index), token(raw.token), logprob(raw.logprob), rank(raw.rank),
          finish_reason(raw.finish_reason), status(raw.status), num_cached_tokens(raw.num_cached_tokens),
          stop_token(raw.stop_token) {
        assign(text, raw.text, raw.text_len);
        assign(stop_text, raw.stop_text, raw.stop_text_len);
        if (raw.parameter) {
            parameter = raw.parameter;
        }
        if (raw.logprobs_len) {
            logprobs.assign(raw.logprobs, raw.logprobs + raw.logprobs_len);
        }
        if (raw.tokens_len) {
            tokens.assign(raw.tokens, raw.tokens + raw.tokens_len);
        }
        if (raw.logprob_counts) {
            logprob_counts.assign(raw.logprob_counts, raw.logprob_counts + raw.tokens_len);
        }
    }

    /// True for the last event of a request.
    bool is_terminal() const noexcept {
        return kind == ENGINE_EVENT_FINISHED || kind == ENGINE_EVENT_FAILED;
    }

private:
    static void assign(std::string &target, const char *data, std::uint64_t length) {
        if (length) {
            target.assign(data, static_cast<std::size_t>(length));
        }
    }
};

/// The events of one request as an input range; ends after the terminal one. A FAILED event is thrown
/// as engine::error. Destroying it cancels a request that has not ended.
class stream {
public:
    stream(stream &&) noexcept = default;
    stream &operator=(stream &&) noexcept = default;

    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = event;
        using difference_type = std::ptrdiff_t;
        using pointer = const event *;
        using reference = const event &;

        iterator() = default;
        explicit iterator(stream *owner) : owner_(owner) { ++*this; }
        reference operator*() const { return current_; }
        pointer operator->() const { return &current_; }
        iterator &operator++() {
            std::optional<event> next = owner_->next();
            if (next) {
                current_ = std::move(*next);
            } else {
                owner_ = nullptr;
            }
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(const iterator &other) const { return owner_ == other.owner_; }
        bool operator!=(const iterator &other) const { return owner_ != other.owner_; }

    private:
        stream *owner_ = nullptr;
        event current_;
    };

    iterator begin() { return iterator(this); }
    iterator end() { return iterator(); }

    /// The next event, waiting for it; nothing after the terminal one.
    std::optional<event> next() {
        while (position_ == batch_.size()) {
            if (done_) {
                return std::nullopt;
            }
            poll(-1);
        }
        event &result = batch_[position_++];
        if (result.kind == ENGINE_EVENT_FAILED) {
            throw error(result.status, result.text, result.parameter, false);
        }
        return std::move(result);
    }
    std::optional<event> next(std::error_code &code) {
        code.clear();
        try {
            return next();
        } catch (const error &e) {
            code = e.code();
            return std::nullopt;
        }
    }

    /// Any thread, idempotent; the terminal event still comes.
    void cancel() {
        detail::check([&](engine_error **err) { return engine_request_cancel(handle_.get(), err); });
    }

    std::uint64_t id() const {
        std::uint64_t out = 0;
        detail::check([&](engine_error **err) { return engine_request_id(handle_.get(), &out, err); });
        return out;
    }

    /// Readable while next() would not wait.
    int fd() const {
        std::int32_t out = -1;
        detail::check([&](engine_error **err) { return engine_request_fd(handle_.get(), &out, err); });
        return out;
    }

private:
    friend class llm;
    using handle_type = detail::handle<engine_request, engine_request_release>;
    explicit stream(engine_request *value) : handle_(value) {}

    void poll(int timeout_ms) {
        engine_event raw[64];
        raw[0].struct_size = sizeof(engine_event);
        std::uint64_t count = 0;
        detail::check([&](engine_error **err) {
            return engine_request_poll(handle_.get(), timeout_ms, raw, 64, &count, err);
        });
        batch_.clear();
        position_ = 0;
        for (std::uint64_t i = 0; i < count; i++) {
            batch_.emplace_back(raw[i]);
            done_ = done_ || batch_.back().is_terminal();
        }
    }

    handle_type handle_;
    std::vector<event> batch_;
    std::size_t position_ = 0;
    bool done_ = false;
};

/// One scheduler on its own thread. Every member may be called from any thread; one thread polls.
class llm {
public:
    explicit llm(const model &source, const params *options = nullptr) {
        engine_t *out = nullptr;
        detail::check([&](engine_error **err) {
            return engine_create(source.get(), options ? options->get() : nullptr, &out, err);
        });
        handle_ = handle_type(out);
    }
    static std::optional<llm> create(const model &source, const params *options, std::error_code &code) {
        return detail::no_throw(code, [&] { return llm(source, options); });
    }

    /// Hands in a request whose events go to poll(); returns its id.
    std::uint64_t submit(const request &what) {
        engine_submit_args args = arguments(what, ENGINE_SUBMIT_NONE);
        std::uint64_t id = 0;
        detail::check([&](engine_error **err) { return engine_submit(get(), &args, &id, nullptr, err); });
        return id;
    }
    std::uint64_t submit(const request &what, std::error_code &code) {
        engine_submit_args args = arguments(what, ENGINE_SUBMIT_NONE);
        std::uint64_t id = 0;
        detail::check(code, [&](engine_error **err) { return engine_submit(get(), &args, &id, nullptr, err); });
        return id;
    }

    /// Hands in a request and returns its events as a range.
    stream generate(const request &what) {
        engine_submit_args args = arguments(what, ENGINE_SUBMIT_OWN_QUEUE);
        engine_request *out = nullptr;
        detail::check([&](engine_error **err) { return engine_submit(get(), &args, nullptr, &out, err); });
        return stream(out);
    }
    std::optional<stream> generate(const request &what, std::error_code &code) {
        return detail::no_throw(code, [&] { return generate(what); });
    }

    /// Waits for events of the requests that submit() took.
    std::vector<event> poll(std::chrono::milliseconds timeout) {
        engine_event raw[256];
        raw[0].struct_size = sizeof(engine_event);
        std::uint64_t count = 0;
        detail::check([&](engine_error **err) {
            return engine_poll(get(), static_cast<std::int32_t>(timeout.count()), raw, 256, &count, err);
        });
        return std::vector<event>(raw, raw + count);
    }

    /// Calls back for each event, on the calling thread, until the function returns false.
    template <typename Function> void run(Function &&function) {
        for (;;) {
            for (const event &e : poll(std::chrono::milliseconds(-1))) {
                if (!function(e)) {
                    return;
                }
            }
        }
    }

    void cancel(std::uint64_t request_id) {
        detail::check([&](engine_error **err) { return engine_cancel(get(), request_id, err); });
    }
    void wake() {
        detail::check([&](engine_error **err) { return engine_wake(get(), err); });
    }
    int fd() const {
        std::int32_t out = -1;
        detail::check([&](engine_error **err) { return engine_fd(get(), &out, err); });
        return out;
    }
    /// Throws unless the engine works.
    void health() const {
        detail::check([&](engine_error **err) { return engine_health(get(), err); });
    }
    /// Lets requests end, cancels the rest, stops. False if some had to be cancelled.
    bool stop(std::chrono::milliseconds drain) {
        std::error_code code;
        engine_status status = detail::check(code, [&](engine_error **err) {
            return engine_stop(get(), static_cast<std::int32_t>(drain.count()), err);
        });
        if (code && status != ENGINE_E_TIMEOUT) {
            throw detail::take_error(status, nullptr);
        }
        return status == ENGINE_OK;
    }
    /// Gives memory back until wake_up; requests wait meanwhile. Level 1 frees the KV cache, 2 the weights, too.
    void sleep(int level = 1, engine_sleep_mode mode = ENGINE_SLEEP_ABORT,
               std::chrono::milliseconds timeout = std::chrono::milliseconds(-1)) {
        detail::check([&](engine_error **err) {
            return engine_sleep(get(), level, mode, static_cast<std::int32_t>(timeout.count()), err);
        });
    }
    void wake_up(bool weights_only = false) {
        detail::check([&](engine_error **err) { return engine_wake_up(get(), weights_only, err); });
    }
    /// -1 awake.
    int sleep_level() const {
        std::int32_t level = -1;
        detail::check([&](engine_error **err) { return engine_sleep_level(get(), &level, err); });
        return level;
    }
    engine_metrics metrics() const {
        engine_metrics out{};
        out.struct_size = sizeof out;
        detail::check([&](engine_error **err) { return engine_metrics_snapshot(get(), &out, err); });
        return out;
    }

    engine_t *get() const noexcept { return handle_.get(); }

private:
    static engine_submit_args arguments(const request &what, engine_submit_flags flags) {
        engine_submit_args args{};
        args.struct_size = sizeof args;
        args.flags = flags;
        args.user_tag = what.user_tag;
        args.params = what.options ? what.options->get() : nullptr;
        args.json = what.json.data();
        args.json_len = what.json.size();
        if (what.prompt) {
            args.prompt = what.prompt->data() ? what.prompt->data() : "";
            args.prompt_len = what.prompt->size();
        }
        if (what.tokens) {
            static const std::int32_t none = 0;
            args.tokens = what.tokens->empty() ? &none : what.tokens->data();
            args.tokens_len = what.tokens->size();
        }
        return args;
    }

    using handle_type = detail::handle<engine_t, engine_release>;
    handle_type handle_;
};

} // namespace engine

#endif
