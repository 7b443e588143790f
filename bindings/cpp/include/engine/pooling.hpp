// Vectors, labels and scores of whole texts. Included by engine.hpp.
#ifndef ENGINE_POOLING_HPP
#define ENGINE_POOLING_HPP

#include <chrono>

#include <engine/engine.hpp>

namespace engine {

/// A text, or ids if tokens are given; of a pair both texts. The views must live until submit returns.
struct pooling_input {
    std::optional<std::string_view> text;
    std::optional<std::string_view> pair;
    const std::vector<std::int32_t> *tokens = nullptr;
    const std::vector<std::int32_t> *token_types = nullptr; ///< which text of a pair each token is of
};

/// What came of a text: rows * columns numbers, row by row; one row, or of TOKEN_EMBED one for each token.
struct pooling_result {
    std::vector<float> values;
    int rows = 0;
    int columns = 0;
    std::vector<std::int32_t> tokens;
};

/// Texts under way. Destroying it cancels what has not ended.
class pooling {
public:
    /// Waits until all have ended or the time is over; a negative time waits without end. How many have ended.
    std::size_t wait(std::chrono::milliseconds timeout = std::chrono::milliseconds(-1)) {
        std::uint64_t ended = 0;
        detail::check([&](engine_error **err) {
            return engine_pooling_wait(get(), static_cast<std::int32_t>(timeout.count()), &ended, err);
        });
        return static_cast<std::size_t>(ended);
    }

    /// What came of a text; throws what it failed with, the others are not touched by that.
    pooling_result get(std::size_t index) const {
        engine_pooling_result raw = read([&](engine_pooling_result *out, engine_error **err) {
            return engine_pooling_get_result(get(), index, out, err);
        });
        return copy(raw);
    }
    std::optional<pooling_result> get(std::size_t index, std::error_code &code) const {
        return detail::no_throw(code, [&] { return get(index); });
    }

    /// How many texts there are.
    std::size_t size() const noexcept { return size_; }

    /// Any thread, idempotent.
    void cancel() {
        detail::check([&](engine_error **err) { return engine_pooling_cancel(get(), err); });
    }

    /// Readable once all have ended.
    int fd() const {
        std::int32_t out = -1;
        detail::check([&](engine_error **err) { return engine_pooling_fd(get(), &out, err); });
        return out;
    }

    engine_pooling *get() const noexcept { return handle_.get(); }

private:
    friend class pooler;
    using handle_type = detail::handle<engine_pooling, engine_pooling_release>;
    pooling(engine_pooling *value, std::size_t size) : handle_(value), size_(size) {}

    template <typename Call> static engine_pooling_result read(Call &&call) {
        engine_pooling_result raw{};
        raw.struct_size = sizeof raw;
        detail::check([&](engine_error **err) { return call(&raw, err); });
        return raw;
    }

    static pooling_result copy(const engine_pooling_result &raw) {
        pooling_result result;
        std::size_t count = static_cast<std::size_t>(raw.rows) * static_cast<std::size_t>(raw.columns);
        result.rows = raw.rows;
        result.columns = raw.columns;
        result.values.assign(raw.values, raw.values + count);
        result.tokens.assign(raw.tokens, raw.tokens + raw.tokens_len);
        return result;
    }

    handle_type handle_;
    std::size_t size_;
};

/// Computes texts of a model that makes vectors or scores, on a thread of its own: as many at once as fit a batch,
/// without padding. What a text gives does not depend on the others. Every member may be called from any thread.
class pooler {
public:
    explicit pooler(const model &source, const params *options = nullptr) {
        engine_pooler *out = nullptr;
        detail::check([&](engine_error **err) {
            return engine_pooler_create(source.get(), options ? options->get() : nullptr, &out, err);
        });
        handle_ = handle_type(out);
    }
    static std::optional<pooler> create(const model &source, const params *options, std::error_code &code) {
        return detail::no_throw(code, [&] { return pooler(source, options); });
    }

    engine_pooler_info info() const {
        engine_pooler_info out{};
        out.struct_size = sizeof out;
        detail::check([&](engine_error **err) { return engine_pooler_get_info(get(), &out, err); });
        return out;
    }

    /// Labels of CLASSIFY in the order of its numbers; empty if the model makes vectors.
    std::vector<std::string> labels() const {
        std::vector<std::string> names;
        for (std::int32_t i = 0, count = info().num_labels; i < count; i++) {
            names.push_back(detail::fill<std::string>(64, [&](char *buffer, std::uint64_t capacity,
                                                              std::uint64_t *length, engine_error **err) {
                return engine_pooler_label(get(), i, buffer, capacity, length, err);
            }));
        }
        return names;
    }

    /// Hands in texts and returns at once. json holds dimensions, normalize, use_activation,
    /// truncate_prompt_tokens, prompt_name, add_special_tokens.
    pooling submit(engine_pooling_task task, const std::vector<pooling_input> &inputs,
                   std::string_view json = "{}") {
        std::vector<engine_pooling_input> raw(inputs.size());
        for (std::size_t i = 0; i < inputs.size(); i++) {
            raw[i] = convert(inputs[i]);
        }
        engine_pooling_args args{};
        args.struct_size = sizeof args;
        args.task = task;
        args.json = json.data();
        args.json_len = json.size();
        args.inputs = raw.data();
        args.inputs_len = raw.size();
        engine_pooling *out = nullptr;
        detail::check([&](engine_error **err) { return engine_pooler_submit(get(), &args, &out, err); });
        return pooling(out, inputs.size());
    }
    std::optional<pooling> submit(engine_pooling_task task, const std::vector<pooling_input> &inputs,
                                  std::string_view json, std::error_code &code) {
        return detail::no_throw(code, [&] { return submit(task, inputs, json); });
    }

    /// A vector of each text; throws what the first that fails failed with, as the next three do.
    std::vector<std::vector<float>> embed(const std::vector<std::string> &texts, std::string_view json = "{}") {
        return rows(ENGINE_POOLING_EMBED, texts, json);
    }

    /// What each label gets, for each text.
    std::vector<std::vector<float>> classify(const std::vector<std::string> &texts,
                                             std::string_view json = "{}") {
        return rows(ENGINE_POOLING_CLASSIFY, texts, json);
    }

    /// How well a query and each of the documents fit.
    std::vector<float> score(std::string_view query, const std::vector<std::string> &documents,
                             std::string_view json = "{}") {
        std::vector<pooling_input> inputs(documents.size());
        for (std::size_t i = 0; i < documents.size(); i++) {
            inputs[i].text = query;
            inputs[i].pair = documents[i];
        }
        std::vector<float> scores;
        for (const pooling_result &result : run(ENGINE_POOLING_SCORE, inputs, json)) {
            scores.push_back(result.values.at(0));
        }
        return scores;
    }

    /// The final hidden states of each text's tokens.
    std::vector<pooling_result> encode(const std::vector<std::string> &texts, std::string_view json = "{}") {
        return run(ENGINE_POOLING_TOKEN_EMBED, views(texts), json);
    }

    /// Lets texts end, cancels the rest, stops. False if some had to be cancelled.
    bool stop(std::chrono::milliseconds drain) {
        std::error_code code;
        engine_status status = detail::check(code, [&](engine_error **err) {
            return engine_pooler_stop(get(), static_cast<std::int32_t>(drain.count()), err);
        });
        if (code && status != ENGINE_E_TIMEOUT) {
            throw detail::take_error(status, nullptr);
        }
        return status == ENGINE_OK;
    }

    engine_pooler *get() const noexcept { return handle_.get(); }

private:
    static engine_pooling_input convert(const pooling_input &input) {
        static const std::int32_t none = 0;
        engine_pooling_input raw{};
        raw.struct_size = sizeof raw;
        if (input.text) {
            raw.text = input.text->data() ? input.text->data() : "";
            raw.text_len = input.text->size();
        }
        if (input.pair) {
            raw.pair = input.pair->data() ? input.pair->data() : "";
            raw.pair_len = input.pair->size();
        }
        if (input.tokens) {
            raw.tokens = input.tokens->empty() ? &none : input.tokens->data();
            raw.tokens_len = input.tokens->size();
        }
        if (input.token_types) {
            if (!input.tokens || input.token_types->size() != input.tokens->size()) {
                throw error(ENGINE_E_INVALID_ARGUMENT, "token_types: must be as many as the tokens",
                            "token_types", false);
            }
            raw.token_types = input.token_types->data();
        }
        return raw;
    }

    static std::vector<pooling_input> views(const std::vector<std::string> &texts) {
        std::vector<pooling_input> inputs(texts.size());
        for (std::size_t i = 0; i < texts.size(); i++) {
            inputs[i].text = texts[i];
        }
        return inputs;
    }

    std::vector<pooling_result> run(engine_pooling_task task, const std::vector<pooling_input> &inputs,
                                    std::string_view json) {
        pooling under_way = submit(task, inputs, json);
        under_way.wait();
        std::vector<pooling_result> results;
        for (std::size_t i = 0; i < under_way.size(); i++) {
            results.push_back(under_way.get(i));
        }
        return results;
    }

    std::vector<std::vector<float>> rows(engine_pooling_task task, const std::vector<std::string> &texts,
                                         std::string_view json) {
        std::vector<std::vector<float>> values;
        for (pooling_result &result : run(task, views(texts), json)) {
            values.push_back(std::move(result.values));
        }
        return values;
    }

    using handle_type = detail::handle<engine_pooler, engine_pooler_release>;
    handle_type handle_;
};

} // namespace engine

#endif
