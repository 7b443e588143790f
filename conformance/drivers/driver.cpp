// The C++ driver, over engine.hpp: reads steps from stdin, writes what happened to stdout. See ../README.md.
#include <cstdio>
#include <iostream>
#include <list>
#include <memory>
#include <sstream>

#include <engine/engine.hpp>

namespace {

using ids = std::vector<std::int32_t>;

std::string quoted(const std::string &text) {
    std::string out = "\"";
    for (unsigned char c : text) {
        char escape[8];
        if (c == '"' || c == '\\') {
            out += '\\';
            out += static_cast<char>(c);
        } else if (c < 0x20) {
            std::snprintf(escape, sizeof escape, "\\u%04x", c);
            out += escape;
        } else {
            out += static_cast<char>(c);
        }
    }
    return out + '"';
}

template <typename Items, typename Render> std::string list(const Items &items, Render render) {
    std::string out;
    for (const auto &item : items) {
        out += (out.empty() ? "" : ",") + render(item);
    }
    return "[" + out + "]";
}

std::string list(const ids &items) {
    return list(items, [](std::int32_t id) { return std::to_string(id); });
}

std::string scores(const std::vector<engine_logprob> &entries) {
    return list(entries, [](const engine_logprob &e) {
        return "[" + std::to_string(e.token) + "," + std::to_string(e.logprob) + "," + std::to_string(e.rank) + "]";
    });
}

struct output {
    ids tokens;
    std::string text, finish, stop;
    std::vector<std::string> logprobs;
};

struct result {
    ids prompt;
    std::vector<std::string> prompt_scores;
    std::vector<output> outputs;
    int terminals = 0;

    void take(const engine::event &e) {
        static const char *const reasons[] = {"", "stop", "length", "abort", "error"};
        if (outputs.size() <= static_cast<std::size_t>(e.output_index)) {
            outputs.resize(static_cast<std::size_t>(e.output_index) + 1);
        }
        output &o = outputs[static_cast<std::size_t>(e.output_index)];
        o.text += e.text;
        terminals += e.is_terminal();
        if (e.kind == ENGINE_EVENT_TOKEN) {
            o.tokens.push_back(e.token);
            if (!e.logprobs.empty()) {
                o.logprobs.push_back(scores(e.logprobs));
            }
        } else if (e.kind == ENGINE_EVENT_OUTPUT_FINISHED) {
            o.finish = reasons[e.finish_reason];
            o.stop = e.stop_text;
        } else if (e.kind == ENGINE_EVENT_PROMPT) {
            prompt = e.tokens;
            auto next = e.logprobs.begin();
            for (std::int32_t count : e.logprob_counts) {
                prompt_scores.push_back(scores({next, next + count}));
                next += count;
            }
        }
    }

    std::string json() const {
        auto as_is = [](const std::string &s) { return s; };
        std::string out = ",\"prompt_tokens\":" + list(prompt);
        if (!prompt_scores.empty()) {
            out += ",\"prompt_logprobs\":" + list(prompt_scores, as_is);
        }
        return out + ",\"outputs\":" + list(outputs, [&](const output &o) {
            return "{\"tokens\":" + list(o.tokens) + ",\"text\":" + quoted(o.text) + ",\"finish\":" + quoted(o.finish)
                + (o.stop.empty() ? "" : ",\"stop\":" + quoted(o.stop))
                + (o.logprobs.empty() ? "" : ",\"logprobs\":" + list(o.logprobs, as_is)) + "}";
        });
    }
};

struct step {
    std::string name, number, op, model, limits, body, data;
};

std::string current;
std::unique_ptr<engine::llm> llm;

engine::llm &open(const step &s) {
    if (current != s.model + "\t" + s.limits) {
        current.clear();
        llm.reset();
        engine::params limits = engine::params::from_json(ENGINE_PARAMS_ENGINE, s.limits);
        llm = std::make_unique<engine::llm>(engine::model(s.model), &limits);
        current = s.model + "\t" + s.limits;
    }
    return *llm;
}

engine::request request_of(const std::string &body, std::uint64_t tag = 0) {
    engine::request request;
    request.json = body;
    request.user_tag = tag;
    return request;
}

std::string generate(engine::llm &target, const engine::request &request) {
    result r;
    for (const engine::event &e : target.generate(request)) {
        r.take(e);
    }
    return r.json();
}

std::string cancel(engine::llm &target, const std::string &body, int after) {
    engine::stream stream = target.generate(request_of(body));
    if (after == 0) {
        stream.cancel();
    }
    result r;
    while (std::optional<engine::event> e = stream.next()) {
        r.take(*e);
        if (after >= 0 && !r.outputs.empty() && r.outputs[0].tokens.size() >= static_cast<std::size_t>(after)) {
            stream.cancel();
        }
    }
    stream.cancel();
    stream.cancel();
    return ",\"finish\":" + quoted(r.outputs.at(0).finish) + ",\"terminals\":" + std::to_string(r.terminals);
}

std::string many(engine::llm &target, const std::string &body, int count) {
    for (int i = 0; i < count; i++) {
        target.submit(request_of(body, static_cast<std::uint64_t>(i)));
    }
    std::vector<result> results(static_cast<std::size_t>(count));
    int open = count;
    target.run([&](const engine::event &e) {
        if (e.kind == ENGINE_EVENT_FAILED) {
            throw engine::error(e.status, e.text, e.parameter, false);
        }
        results.at(e.user_tag).take(e);
        open -= e.is_terminal();
        return open > 0;
    });
    bool same = true;
    for (const result &r : results) {
        same = same && r.outputs[0].text == results[0].outputs[0].text;
    }
    return results[0].json() + ",\"count\":" + std::to_string(count) + ",\"same\":" + (same ? "true" : "false");
}

std::string sleep(engine::llm &target, const step &s) {
    std::string mode = s.data.substr(s.data.find(' ') + 1);
    target.sleep(std::stoi(s.data), mode == "wait" ? ENGINE_SLEEP_WAIT
                                    : mode == "keep" ? ENGINE_SLEEP_KEEP
                                                     : ENGINE_SLEEP_ABORT);
    ids levels{target.sleep_level()};
    target.wake_up();
    levels.push_back(target.sleep_level());
    return generate(target, request_of(s.body)) + ",\"levels\":" + list(levels);
}

std::string bytes(const std::string &hex) {
    std::string text;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        text += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    return text;
}

std::string texts(const step &s) {
    engine::tokenizer tokenizer(s.model);
    if (s.op == "tokenize") {
        return ",\"tokens\":" + list(tokenizer.encode(bytes(s.data.substr(2)), s.data[0] == '1'));
    }
    if (s.op == "detokenize") {
        ids tokens;
        std::istringstream parts(s.data);
        for (std::string part; std::getline(parts, part, ',');) {
            tokens.push_back(std::stoi(part));
        }
        return ",\"text\":" + quoted(tokenizer.decode(tokens));
    }
    return ",\"text\":" + quoted(tokenizer.apply_chat_template(s.body));
}

std::string numbers(const engine::pooling_result &r) {
    std::string values = list(r.values, [](float value) {
        std::ostringstream text;
        text.precision(7);
        text << value;
        return text.str();
    });
    return "{\"rows\":" + std::to_string(r.rows) + ",\"columns\":" + std::to_string(r.columns)
           + ",\"tokens\":" + list(r.tokens) + ",\"values\":" + values + "}";
}

std::string pool(const step &s) {
    static std::string opened;
    static std::unique_ptr<engine::pooler> pooler;
    if (opened != s.model + "\t" + s.limits) {
        opened.clear();
        engine::params limits = engine::params::from_json(ENGINE_PARAMS_ENGINE, s.limits);
        pooler = std::make_unique<engine::pooler>(engine::model(s.model), &limits);
        opened = s.model + "\t" + s.limits;
    }
    std::istringstream fields(s.data);
    std::string task, field;
    fields >> task;
    std::list<std::string> texts; // what the inputs look at
    std::list<ids> tokens;
    std::vector<engine::pooling_input> inputs;
    while (fields >> field) {
        engine::pooling_input input;
        std::string rest = field.substr(1);
        std::size_t comma = rest.find(',');
        if (field[0] == 'i') {
            std::istringstream parts(rest);
            tokens.emplace_back();
            for (std::string part; std::getline(parts, part, ',');) {
                tokens.back().push_back(std::stoi(part));
            }
            input.tokens = &tokens.back();
        } else {
            input.text = texts.emplace_back(bytes(rest.substr(0, comma)));
            if (comma != std::string::npos) {
                input.pair = texts.emplace_back(bytes(rest.substr(comma + 1)));
            }
        }
        inputs.push_back(input);
    }
    engine::pooling pooling = pooler->submit(
        task == "classify"      ? ENGINE_POOLING_CLASSIFY
        : task == "score"       ? ENGINE_POOLING_SCORE
        : task == "token_embed" ? ENGINE_POOLING_TOKEN_EMBED
                                : ENGINE_POOLING_EMBED,
        inputs, s.body);
    if (s.op == "pool_cancel") {
        pooling.cancel();
        pooling.cancel();
        return ",\"ended\":" + std::to_string(pooling.wait());
    }
    pooling.wait();
    std::string results;
    for (std::size_t i = 0; i < pooling.size(); i++) {
        try {
            results += (i ? "," : "") + numbers(pooling.get(i));
        } catch (const engine::error &e) {
            if (pooling.size() == 1) {
                throw;
            }
            results += (i ? ",{\"error\":" : "{\"error\":") + quoted(engine_status_name(e.status())) + "}";
        }
    }
    return ",\"results\":[" + results + "]";
}

std::string parse(const step &s) {
    engine::chat_parser parser(s.body);
    std::size_t space = s.data.find(' ');
    std::size_t size = std::stoul(s.data.substr(0, space));
    std::string text = bytes(s.data.substr(space + 1)), deltas;
    for (std::size_t at = 0; at < text.size(); at += size) {
        deltas += parser.feed(std::string_view(text).substr(at, size)) + ",";
    }
    return ",\"deltas\":[" + deltas + parser.finish() + "]";
}

[[noreturn]] void fail(engine_status status) { throw engine::error(status, "", "", false); }

std::string oversized(engine::llm &target) {
    struct {
        engine_submit_args known;
        std::uint64_t more;
    } args{};
    args.known.struct_size = sizeof args;
    args.known.prompt = "x";
    args.known.prompt_len = 1;
    args.more = 1;
    fail(engine_submit(target.get(), &args.known, nullptr, nullptr, nullptr));
}

std::string lifecycle(const step &s) {
    auto model = std::make_unique<engine::model>(s.model);
    auto target = std::make_unique<engine::llm>(*model);
    if (s.op == "double_release" || s.op == "use_after_release") {
        engine_t *raw = target->get();
        target.reset();
        fail(s.op == "double_release" ? engine_release(raw) : engine_health(raw, nullptr));
    }
    if (s.op == "oversized_struct") {
        return oversized(*target);
    }
    if (s.op == "zero_buffers") {
        std::uint64_t length = 7;
        engine::tokenizer tokenizer = model->tokenizer();
        engine_status status = engine_tokenize(tokenizer.get(), "abc", 3, 0, nullptr, 0, &length, nullptr);
        fail(length == 3 ? status : ENGINE_E_INTERNAL);
    }
    std::unique_ptr<engine::llm> second;
    if (s.op == "reload") {
        target.reset();
        model = std::make_unique<engine::model>(s.model);
        target = std::make_unique<engine::llm>(*model);
    } else if (s.op == "two_engines") {
        second = std::make_unique<engine::llm>(*model);
    }
    model.reset();
    return generate(*target, request_of(s.body));
}

std::string run(const step &s) {
    if (s.op == "tokenize" || s.op == "detokenize" || s.op == "chat_template") {
        return texts(s);
    }
    if (s.op == "chat_parse") {
        return parse(s);
    }
    if (s.op == "chat_tokenize") {
        return ",\"tokens\":" + list(engine::tokenizer(s.model).encode_chat(s.body));
    }
    if (s.op.rfind("pool", 0) == 0) {
        return pool(s);
    }
    for (const char *op : {"double_release", "use_after_release", "model_first", "two_engines", "reload",
                           "oversized_struct", "zero_buffers"}) {
        if (s.op == op) {
            return lifecycle(s);
        }
    }
    engine::llm &target = open(s);
    if (s.op == "load") {
        return "";
    }
    if (s.op == "cancel" || s.op == "cancel_finished") {
        return cancel(target, s.body, s.op == "cancel" ? std::stoi(s.data) : -1);
    }
    if (s.op == "sleep") {
        return sleep(target, s);
    }
    if (s.op == "many") {
        return many(target, s.body, std::stoi(s.data));
    }
    if (s.op == "chat") {
        ids prompt = engine::tokenizer(s.model).encode_chat(s.body);
        engine::request request = request_of(s.data);
        request.tokens = &prompt;
        return generate(target, request);
    }
    return generate(target, request_of(s.body));
}

} // namespace

int main() {
    for (std::string line; std::getline(std::cin, line);) {
        step s;
        std::istringstream fields(line);
        for (std::string *field : {&s.name, &s.number, &s.op, &s.model, &s.limits, &s.body, &s.data}) {
            std::getline(fields, *field, '\t');
        }
        std::string status = "ENGINE_OK", rest;
        try {
            rest = run(s);
        } catch (const engine::error &e) {
            status = engine_status_name(e.status());
            rest = e.parameter().empty() ? "" : ",\"parameter\":" + quoted(e.parameter());
        }
        std::cout << "{\"case\":" << quoted(s.name) << ",\"step\":" << s.number << ",\"op\":" << quoted(s.op)
                  << ",\"status\":" << quoted(status) << rest << "}" << std::endl;
    }
    return 0;
}
