using System.Text.Json;

namespace Engine.Tokenization.Files;

/// <summary>Reads tokenizer_config.json, special_tokens_map.json and the chat template files.</summary>
internal static class TokenizerConfigJson
{
    private const long MaxTemplateBytes = 4 << 20;
    private const double NoLimit = 1e15;

    /// <summary>What the files of a folder say, over what the tokenizer itself says.</summary>
    public static void Apply(string folder, TokenizerParts parts)
    {
        TokenizerConfig config = parts.Config;
        string map = Path.Combine(folder, "special_tokens_map.json");
        if (File.Exists(map))
        {
            JsonFile.Parse(JsonFile.ReadBytes(map), map, root => ReadNamed(root, config));
        }

        string file = Path.Combine(folder, "tokenizer_config.json");
        if (File.Exists(file))
        {
            JsonFile.Parse(JsonFile.ReadBytes(file), file, root => Read(root, config, parts));
        }

        ReadTemplateFiles(folder, config);
    }

    /// <summary>do_lower_case of a folder's configuration.</summary>
    public static bool ReadLowercase(string folder)
    {
        string file = Path.Combine(folder, "tokenizer_config.json");
        return !File.Exists(file) || JsonFile.Parse(
            JsonFile.ReadBytes(file), file, root => root.Flag("do_lower_case", otherwise: true));
    }

    /// <summary>
    /// additional_special_tokens of a folder's configuration; tokens of added_tokens.json are added
    /// on the way.
    /// </summary>
    public static List<string> ReadAdditional(string folder, TokenizerParts parts)
    {
        List<string> tokens = [];
        foreach (string name in (ReadOnlySpan<string>)["special_tokens_map.json", "tokenizer_config.json"])
        {
            string file = Path.Combine(folder, name);
            if (File.Exists(file))
            {
                JsonFile.Parse(JsonFile.ReadBytes(file), file, root => ReadList(root, tokens));
            }
        }

        string added = Path.Combine(folder, "added_tokens.json");
        if (File.Exists(added))
        {
            JsonFile.Parse(JsonFile.ReadBytes(added), added, root => ReadAddedFile(root, parts));
        }

        return tokens;
    }

    private static bool ReadList(JsonElement root, List<string> tokens)
    {
        if (root.TryGet("additional_special_tokens", out _))
        {
            foreach (JsonElement item in root.Items("additional_special_tokens"))
            {
                tokens.Add(item.ValueKind == JsonValueKind.String
                    ? item.GetString()! : item.Text("content"));
            }
        }

        return true;
    }

    private static bool ReadAddedFile(JsonElement root, TokenizerParts parts)
    {
        HashSet<string> known = [.. parts.AddedTokens.Select(token => token.Content)];
        foreach (JsonProperty property in root.EnumerateObject())
        {
            if (known.Add(property.Name))
            {
                TokenizerJson.AddToken(
                    parts, new AddedToken(property.Value.GetInt32(), property.Name));
            }
        }

        return true;
    }

    private static bool Read(JsonElement root, TokenizerConfig config, TokenizerParts parts)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw JsonFile.Error($"expected an object, found {root.ValueKind}");
        }

        ReadNamed(root, config);
        config.TokenizerClass = root.TextOrNull("tokenizer_class");
        config.AddBosToken = root.TryGet("add_bos_token", out _) ? root.Flag("add_bos_token") : null;
        config.AddEosToken = root.TryGet("add_eos_token", out _) ? root.Flag("add_eos_token") : null;
        config.CleanUpTokenizationSpaces = root.Flag("clean_up_tokenization_spaces");
        if (root.TryGet("model_max_length", out JsonElement length)
            && length.ValueKind == JsonValueKind.Number
            && length.GetDouble() is >= 1 and < NoLimit and double value)
        {
            config.ModelMaxLength = (long)value;
        }

        if (root.TryGet("added_tokens_decoder", out JsonElement added))
        {
            ReadAdded(added, parts);
        }

        if (root.TryGet("chat_template", out JsonElement template))
        {
            ReadTemplates(template, config);
        }

        return true;
    }

    // {"bos_token": "<s>"} or {"bos_token": {"content": "<s>", ...}}.
    private static bool ReadNamed(JsonElement root, TokenizerConfig config)
    {
        foreach (JsonProperty property in root.EnumerateObject())
        {
            string? token = property.Value.ValueKind switch
            {
                JsonValueKind.String => property.Value.GetString(),
                JsonValueKind.Object => property.Value.TextOrNull("content"),
                _ => null,
            };
            if (token is not null && property.Name.EndsWith("_token", StringComparison.Ordinal))
            {
                config.NamedTokens[property.Name] = token;
            }
        }

        config.BosToken = config.NamedTokens.GetValueOrDefault("bos_token") ?? config.BosToken;
        config.EosToken = config.NamedTokens.GetValueOrDefault("eos_token") ?? config.EosToken;
        config.UnkToken = config.NamedTokens.GetValueOrDefault("unk_token") ?? config.UnkToken;
        config.PadToken = config.NamedTokens.GetValueOrDefault("pad_token") ?? config.PadToken;
        return true;
    }

    // tokenizer.json has the last word on its own tokens; this adds those it does not know.
    private static void ReadAdded(JsonElement added, TokenizerParts parts)
    {
        HashSet<string> known = [.. parts.AddedTokens.Select(token => token.Content)];
        foreach (JsonProperty property in added.EnumerateObject())
        {
            if (!int.TryParse(property.Name, out int id))
            {
                throw JsonFile.Error(
                    $"added_tokens_decoder: expected an id, found \"{property.Name}\"");
            }

            AddedToken token = TokenizerJson.ReadAddedToken(property.Value, id);
            if (known.Add(token.Content))
            {
                TokenizerJson.AddToken(parts, token);
            }
        }
    }

    private static void ReadTemplates(JsonElement template, TokenizerConfig config)
    {
        if (template.ValueKind == JsonValueKind.String)
        {
            config.ChatTemplates["default"] = template.GetString()!;
            return;
        }

        foreach (JsonElement item in template.EnumerateArray())
        {
            config.ChatTemplates[item.Text("name")] = item.Text("template");
        }
    }

    private static void ReadTemplateFiles(string folder, TokenizerConfig config)
    {
        ReadTemplateFile(Path.Combine(folder, "chat_template.jinja"), "default", config);
        string more = Path.Combine(folder, "additional_chat_templates");
        if (Directory.Exists(more))
        {
            foreach (string file in Directory.GetFiles(more, "*.jinja"))
            {
                ReadTemplateFile(file, Path.GetFileNameWithoutExtension(file), config);
            }
        }
    }

    private static void ReadTemplateFile(string path, string name, TokenizerConfig config)
    {
        if (!File.Exists(path))
        {
            return;
        }

        byte[] bytes = JsonFile.ReadBytes(path);
        if (bytes.Length > MaxTemplateBytes)
        {
            throw EngineException.Corrupt(
                path, $"is {bytes.Length} bytes; at most {MaxTemplateBytes} are expected");
        }

        config.ChatTemplates[name] = System.Text.Encoding.UTF8.GetString(bytes);
    }
}
