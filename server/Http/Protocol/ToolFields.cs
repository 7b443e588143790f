using System.Text.Json;
using Engine.Chat;
using Engine.Grammar;
using Engine.Server.Http.Json;
using Engine.Server.Terminal;

namespace Engine.Server.Http.Protocol;

/// <summary>Whether the model may, must or must not call tools.</summary>
internal enum ToolChoice
{
    None,
    Auto,
    Required,
    Named,
}

/// <summary>tools, tool_choice and parallel_tool_calls of a chat request, checked.</summary>
internal sealed record ToolFields
{
    private const string ChoiceName = "tool_choice";
    private const string AllowedName = "allowed_tools";

    /// <summary>The list as sent, for the template; null if there are none.</summary>
    public JsonElement? Tools { get; private init; }

    public ToolChoice Choice { get; private init; }

    /// <summary>The tool that has to be called, with Named.</summary>
    public string? Name { get; private init; }

    public bool IsParallel { get; private init; } = true;

    /// <summary>The tools that may be called; null is all of them.</summary>
    public IReadOnlyCollection<string>? Allowed { get; private init; }

    /// <summary>Another field says what the output looks like.</summary>
    private bool IsOutputConstrained { get; init; }

    /// <summary>True if a call has to be made.</summary>
    public bool IsForced => Choice is ToolChoice.Required or ToolChoice.Named;

    public static ToolFields Parse(JsonElement body)
    {
        JsonElement? tools = Fields.GetArray(body, "tools");
        var names = new HashSet<string>(StringComparer.Ordinal);
        if (tools is { } list)
        {
            if (list.GetArrayLength() == 0)
            {
                throw ApiException.BadRequest("tools: must not be empty.", "tools");
            }

            foreach (JsonElement tool in list.EnumerateArray())
            {
                names.Add(NameOf(tool));
            }
        }

        (ToolChoice choice, string? name) = ParseChoice(body, tools is not null, names, out string[]? allowed);
        return new ToolFields
        {
            // The parser of the output lives on when the request's document is gone.
            Tools = tools?.Clone(),
            Choice = choice,
            Name = name,
            IsParallel = Fields.GetBool(body, "parallel_tool_calls") ?? true,
            Allowed = allowed,
            IsOutputConstrained = StructuredOutputFields.IsConstrained(body),
        };
    }

    /// <summary>The same without tools if none may be called.</summary>
    public ToolFields WithoutUncallable() => Choice == ToolChoice.None ? this with { Tools = null } : this;

    /// <summary>What holds the model to a call in its own format, or null where that cannot be.</summary>
    public string? OwnSyntax(string? parser) => parser is null ? null
        : IsForced ? CallSyntax.StructuralTag(parser, AllowedTools(), Name, IsParallel)
        : Choice == ToolChoice.Auto && !IsOutputConstrained
            && (Allowed is not null || StrictCalls.AreAsked(Tools!.Value))
            ? StrictCalls.StructuralTag(parser, Tools!.Value, Allowed, IsParallel)
        : null;

    /// <summary>What holds the model to a call, or null.</summary>
    /// <param name="parser">The parser of the model's calls, or null.</param>
    /// <exception cref="ApiException">400: the tools' schemas cannot be enforced.</exception>
    public StructuredOutputs? Grammar(string? parser)
    {
        try
        {
            string? tag = OwnSyntax(parser);
            if (tag is null && !IsForced)
            {
                return null;
            }

            var outputs = new StructuredOutputs
            {
                StructuralTag = tag,
                SpecialTokens = tag is null ? null : CallSyntax.SpecialTokens,
                Json = tag is not null ? null : Choice == ToolChoice.Named
                    ? ForcedCalls.NamedSchema(Tools!.Value, Name!)
                    : ForcedCalls.ListSchema(AllowedTools(), IsParallel),
            };
            new Sampling.SamplingParams { StructuredOutputs = outputs }.Validate(int.MaxValue);
            return outputs;
        }
        catch (EngineException e)
        {
            throw ApiException.BadRequest($"tools: {e.Message}", "tools");
        }
    }

    private JsonElement AllowedTools()
    {
        if (Allowed is null)
        {
            return Tools!.Value;
        }

        return JsonText.Element(json =>
        {
            json.WriteStartArray();
            foreach (JsonElement tool in Tools!.Value.EnumerateArray())
            {
                if (Allowed.Contains(NameOf(tool)))
                {
                    tool.WriteTo(json);
                }
            }

            json.WriteEndArray();
        });
    }

    private static string NameOf(JsonElement tool)
    {
        if (tool.ValueKind != JsonValueKind.Object
            || !Fields.TryGet(tool, "function", out JsonElement function)
            || function.ValueKind != JsonValueKind.Object)
        {
            throw ApiException.BadRequest("tools: each needs an object \"function\".", "tools");
        }

        if (!Fields.TryGet(function, "name", out JsonElement name)
            || name.ValueKind != JsonValueKind.String || name.GetString()!.Length == 0)
        {
            throw ApiException.BadRequest("tools: each function needs a name.", "tools");
        }

        if (Fields.TryGet(function, "parameters", out JsonElement parameters)
            && parameters.ValueKind != JsonValueKind.Object)
        {
            throw ApiException.BadRequest("tools: parameters must be a JSON Schema object.", "tools");
        }

        if (Fields.GetString(tool, "type", "tools") is not (null or "function"))
        {
            throw ApiException.BadRequest("tools: functions alone are supported.", "tools");
        }

        if (Fields.TryGet(function, "description", out JsonElement description)
            && description.ValueKind != JsonValueKind.String)
        {
            throw ApiException.BadRequest("tools: a description must be a string.", "tools");
        }

        _ = Fields.GetBool(function, "strict", "tools");
        return name.GetString()!;
    }

    private static (ToolChoice Choice, string? Name) ParseChoice(
        JsonElement body, bool hasTools, HashSet<string> names, out string[]? allowed)
    {
        allowed = null;
        if (!Fields.TryGet(body, ChoiceName, out JsonElement choice))
        {
            return (hasTools ? ToolChoice.Auto : ToolChoice.None, null);
        }

        string? word = choice.ValueKind == JsonValueKind.String ? choice.GetString() : null;
        if (word == "none")
        {
            return (ToolChoice.None, null);
        }

        if (!hasTools)
        {
            throw ApiException.BadRequest("tool_choice: needs tools.", ChoiceName);
        }

        if (choice.ValueKind == JsonValueKind.Object && Fields.GetString(choice, "type", ChoiceName) == AllowedName)
        {
            word = ParseAllowed(choice, names, out allowed);
        }

        if (word == "auto")
        {
            return (ToolChoice.Auto, null);
        }

        if (choice.ValueKind != JsonValueKind.Object && word != "required")
        {
            throw ApiException.BadRequest(
                "tool_choice: must be none, auto, required or a named function.", ChoiceName);
        }

        if (word is null && Fields.GetString(choice, "type", ChoiceName) is not (null or "function"))
        {
            throw ApiException.BadRequest("tool_choice.type: must be function or allowed_tools.", ChoiceName);
        }

        string? name = word is null ? NamedBy(choice, names) : null;
        return !StructuredOutputFields.IsConstrained(body)
            ? (name is null ? ToolChoice.Required : ToolChoice.Named, name)
            : throw ApiException.BadRequest(
                "tool_choice: a forced tool call and a constrained output exclude each other.", ChoiceName);
    }

    /// <summary>OpenAI's choice among some of the tools; returns its mode.</summary>
    private static string ParseAllowed(JsonElement choice, HashSet<string> names, out string[] allowed)
    {
        const string path = $"{ChoiceName}.{AllowedName}";
        JsonElement inner = Fields.GetObject(choice, AllowedName)
            ?? throw ApiException.BadRequest($"{path}: an object is needed.", ChoiceName);
        if (Fields.GetString(inner, "mode") is not ("auto" or "required") || Fields.GetArray(inner, "tools") is not { } list
            || list.GetArrayLength() == 0)
        {
            throw ApiException.BadRequest($"{path}: a mode, auto or required, and tools are needed.", ChoiceName);
        }

        allowed = [.. list.EnumerateArray().Select(tool => NamedBy(tool, names)).Distinct()];
        return Fields.GetString(inner, "mode")!;
    }

    private static string NamedBy(JsonElement choice, HashSet<string> names)
    {
        const string path = "tool_choice.function.name";
        if (choice.ValueKind != JsonValueKind.Object
            || !Fields.TryGet(choice, "function", out JsonElement function)
            || function.ValueKind != JsonValueKind.Object
            || !Fields.TryGet(function, "name", out JsonElement name)
            || name.ValueKind != JsonValueKind.String)
        {
            throw ApiException.BadRequest($"{path}: a string is needed.", path);
        }

        return names.Contains(name.GetString()!)
            ? name.GetString()!
            : throw ApiException.BadRequest("tool_choice: names none of the tools.", ChoiceName);
    }
}
