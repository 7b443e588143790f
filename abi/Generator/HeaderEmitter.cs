using System.Text;

namespace Engine.Abi.Generator;

/// <summary>Writes include/engine/engine.h.</summary>
internal static class HeaderEmitter
{
    private const int Columns = 100;

    public static string Emit(AbiModel model)
    {
        var text = new StringBuilder();
        text.Append(Preamble.Replace("@VERSION@", model.Version, StringComparison.Ordinal)
            .Replace("@MAJOR@", $"{model.Major}", StringComparison.Ordinal)
            .Replace("@MINOR@", $"{model.Minor}", StringComparison.Ordinal));
        foreach (AbiEnumModel item in model.Enums)
        {
            EmitEnum(text, item);
        }

        foreach (AbiHandleModel handle in model.Handles)
        {
            Comment(text, "", [handle.Doc]);
            text.Append($"typedef struct {handle.Name} {handle.Name};\n\n");
        }

        foreach (AbiStructModel item in model.Structs)
        {
            EmitStruct(text, item);
        }

        foreach (AbiFunctionModel function in model.Functions)
        {
            EmitFunction(text, function);
        }

        return text.Append(Tail).ToString();
    }

    /// <summary>The prototype, without the semicolon.</summary>
    public static string Prototype(AbiFunctionModel function)
    {
        string parameters = function.Parameters.Count == 0
            ? "void"
            : string.Join(", ", function.Parameters.Select(p => p.Type.Declare(p.Name)));
        return $"{function.Returns.Declare(function.Name)}({parameters})";
    }

    private static void EmitEnum(StringBuilder text, AbiEnumModel item)
    {
        Comment(text, "", [item.Doc]);
        text.Append($"typedef int32_t {item.Name};\nenum {{\n");
        for (int i = 0; i < item.Values.Count; i++)
        {
            EnumValue value = item.Values[i];
            Comment(text, "    ", [value.Doc]);
            text.Append($"    {value.Name} = {value.Value}{(i + 1 < item.Values.Count ? "," : "")}\n");
        }

        text.Append("};\n\n");
    }

    private static void EmitStruct(StringBuilder text, AbiStructModel item)
    {
        Comment(text, "", [item.Doc]);
        text.Append($"typedef struct {item.Name} {{\n");
        foreach (AbiField field in item.Fields)
        {
            Comment(text, "    ", [field.Doc]);
            text.Append($"    {field.Type.Declare(field.Name)};\n");
        }

        text.Append($"}} {item.Name};\n\n");
    }

    private static void EmitFunction(StringBuilder text, AbiFunctionModel function)
    {
        bool unstable = function.Lifecycle == Lifecycle.Unstable;
        if (unstable)
        {
            text.Append("#ifdef ENGINE_ALLOW_UNSTABLE\n");
        }

        var lines = new List<string> { function.Doc };
        lines.AddRange(function.Parameters.Where(p => p.Doc.Length > 0 && p.Name != "err")
            .Select(p => $"@param {p.Name} {p.Doc}"));
        if (function.ReturnsDoc.Length > 0)
        {
            lines.Add("@return " + function.ReturnsDoc);
        }

        string when = function.Threading switch
        {
            Threading.Any => "any thread, any time",
            Threading.Exclusive => "any thread, one at a time per object",
            _ => "any thread; concurrent calls wait for one another",
        };
        lines.Add($"Threads: {when}. Since {function.Since}, {function.Lifecycle.ToString().ToLowerInvariant()}.");
        Comment(text, "", lines);
        text.Append(WrapPrototype($"ENGINE_API {Prototype(function)};"));
        text.Append(unstable ? "#endif\n\n" : "\n");
    }

    private static string WrapPrototype(string line)
    {
        if (line.Length <= Columns)
        {
            return line + "\n";
        }

        int open = line.IndexOf('(', StringComparison.Ordinal);
        var text = new StringBuilder(line[..(open + 1)]);
        int column = Columns;
        foreach (string part in line[(open + 1)..].Split(", "))
        {
            bool first = text[^1] == '(';
            if (column + part.Length + 2 > Columns)
            {
                text.Append(first ? "\n    " : ",\n    ").Append(part);
                column = 4 + part.Length;
            }
            else
            {
                text.Append(", ").Append(part);
                column += part.Length + 2;
            }
        }

        return text.Append('\n').ToString();
    }

    private static void Comment(StringBuilder text, string indent, IReadOnlyList<string> paragraphs)
    {
        var lines = new List<string>();
        foreach (string paragraph in paragraphs)
        {
            var line = new StringBuilder();
            foreach (string word in paragraph.Replace("*/", "* /", StringComparison.Ordinal).Split(' '))
            {
                if (line.Length > 0 && indent.Length + 3 + line.Length + 1 + word.Length > Columns)
                {
                    lines.Add(line.ToString());
                    line.Clear().Append(paragraph.StartsWith('@') ? "    " : "");
                }

                line.Append(line.Length > 0 && line[^1] != ' ' ? " " : "").Append(word);
            }

            lines.Add(line.ToString());
        }

        if (lines.Count == 1 && indent.Length + lines[0].Length + 6 <= Columns)
        {
            text.Append($"{indent}/* {lines[0]} */\n");
            return;
        }

        text.Append($"{indent}/*\n");
        foreach (string line in lines)
        {
            text.Append($"{indent} * {line}\n");
        }

        text.Append($"{indent} */\n");
    }

    private const string Preamble = """
        /*
         * engine.h: the C interface of Engine @VERSION@.
         * Generated from the C# sources by abi/Generator; do not edit.
         *
         * Every call returns an engine_status: 0 or more is success, less is an error. Calls take an
         * optional trailing engine_error **: NULL, or it takes NULL on success and an owned error on
         * failure (NULL too if the process has forked or memory is exhausted; the status then says all).
         * Other out-parameters are written on success alone, but for sizes, which are written with
         * ENGINE_E_BUFFER_TOO_SMALL too. Text goes in as UTF-8 (pointer, length). Handles are checked:
         * a stale one, or one released twice, gives ENGINE_E_INVALID_HANDLE. Structs begin with their
         * size: set it to sizeof before the call. Readers ignore enum values that they do not know.
         * After fork every call gives ENGINE_E_FORKED in the child, if the library was in use before.
         * Within libengine.so.0 nothing is removed, renumbered or re-signed. 64-bit platforms.
         */
        #ifndef ENGINE_ENGINE_H
        #define ENGINE_ENGINE_H

        #include <stdint.h>

        #if defined(ENGINE_BUILDING)
        #define ENGINE_API __attribute__((visibility("default")))
        #else
        #define ENGINE_API
        #endif

        #define ENGINE_VERSION "@VERSION@"
        #define ENGINE_ABI_VERSION_MAJOR @MAJOR@
        #define ENGINE_ABI_VERSION_MINOR @MINOR@
        #define ENGINE_ABI_VERSION \
            (((uint32_t)ENGINE_ABI_VERSION_MAJOR << 16) | (uint32_t)ENGINE_ABI_VERSION_MINOR)

        #ifdef __cplusplus
        extern "C" {
        #endif


        """;

    private const string Tail = """
        #ifdef __cplusplus
        }
        #endif

        #endif

        """;
}
