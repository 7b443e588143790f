using System.Globalization;
using System.Text;
using Engine.Abi.Params;
using Engine.Abi.Types;

namespace Engine.Abi.Generator;

/// <summary>Writes the constants, structs and prototypes of the Python and Go bindings.</summary>
internal static class BindingEmitters
{
    public static string Python(AbiModel model)
    {
        var text = new StringBuilder("""
            # Generated from the C# sources by abi/Generator; do not edit.
            """ + "\n\"\"\"Constants, structs and prototypes of libengine's C interface.\"\"\"\n" + """

            import ctypes as C


            """);
        text.Append(CultureInfo.InvariantCulture, $"ABI_VERSION = ({model.Major} << 16) | {model.Minor}\n");
        text.Append($"VERSION = \"{model.Version}\"\n\n");
        foreach (AbiEnumModel item in model.Enums)
        {
            foreach (EnumValue value in item.Values)
            {
                string name = value.Name["ENGINE_".Length..];
                text.Append(CultureInfo.InvariantCulture, $"{name} = {value.Value}\n");
            }

            text.Append('\n');
        }

        foreach (ParamsKind kind in Enum.GetValues<ParamsKind>())
        {
            IEnumerable<string> keys = ParamSchema.Of(kind).Keys.Select(key => $"    \"{key}\",\n");
            text.Append($"{kind.ToString().ToUpperInvariant()}_KEYS = frozenset((\n{string.Concat(keys)}))\n");
        }

        text.Append('\n');
        foreach (AbiStructModel item in model.Structs)
        {
            text.Append($"\nclass {PascalCase(item.Name)}(C.Structure):\n    _fields_ = [\n");
            foreach (AbiField field in item.Fields)
            {
                text.Append($"        (\"{field.Name}\", {PythonType(field.Type, inStruct: true)}),\n");
            }

            text.Append("    ]\n\n");
        }

        text.Append("\n# name: (result, arguments)\nPROTOTYPES = {\n");
        foreach (AbiFunctionModel function in model.Functions)
        {
            string arguments = string.Join(", ", function.Parameters.Select(p => PythonType(p.Type, false)));
            text.Append($"    \"{function.Name}\": ({PythonType(function.Returns, false)}, [{arguments}]),\n");
        }

        return text.Append("}\n").ToString();
    }

    public static string PythonErrors(AbiModel model)
    {
        var text = new StringBuilder(""""
            # Generated from the C# sources by abi/Generator; do not edit.
            """The exceptions of libengine, one per status; each is a built-in exception too."""

            from __future__ import annotations


            class EngineError(Exception):
                """What a call of the library failed with."""

                status: int = 0
                http_status: int = 500

                def __init__(self, message: str, parameter: str | None = None, retryable: bool = False):
                    super().__init__(message)
                    self.message = message
                    self.parameter = parameter
                    self.retryable = retryable


            """");
        EngineStatusRow[] rows = model.Statuses.Where(r => r.Status.IsError()).ToArray();
        foreach (EngineStatusRow row in rows)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"\nclass {row.PythonException}(EngineError, {row.PythonBase}):\n    \"\"\"{Sentence(row.Message)}\"\"\"\n\n    status = {(int)row.Status}\n    http_status = {row.HttpStatus}\n\n");
        }

        text.Append("\nBY_STATUS: dict[int, type[EngineError]] = {\n");
        foreach (EngineStatusRow row in rows)
        {
            text.Append(CultureInfo.InvariantCulture, $"    {(int)row.Status}: {row.PythonException},\n");
        }

        return text.Append("}\n").ToString();
    }

    private static string Sentence(string message) => char.ToUpperInvariant(message[0]) + message[1..] + ".";

    public static string Go(AbiModel model)
    {
        var text = new StringBuilder("""
            // Code generated from the C# sources by abi/Generator; DO NOT EDIT.

            package engine

            // #include <engine/engine.h>
            import "C"

            import (
            	"errors"
            	"unsafe"
            )

            // Status is the result code of a call.
            type Status int32


            """);
        text.Append(CultureInfo.InvariantCulture, $"const abiVersion = {model.Major}<<16 | {model.Minor}\n\n");
        foreach (AbiEnumModel item in model.Enums)
        {
            bool status = item.Name == "engine_status";
            IEnumerable<(string Name, string Value)> rows = item.Values.Select(value => (
                status ? "Status" + value.Member : GoEnumName(item, value),
                (status ? "Status = " : "= ") + value.Value.ToString(CultureInfo.InvariantCulture)));
            EmitAligned(text, "const (", rows);
        }

        EmitAligned(text, "// Every error of this package is one of these, for errors.Is.\nvar (",
            model.Statuses.Where(r => r.Status.IsError())
                .Select(r => (r.GoError, $"= errors.New(\"{r.Message}\")")));
        text.Append("var statusErrors = map[Status]error{\n");
        string[] keys = model.Statuses.Where(r => r.Status.IsError()).Select(r => $"Status{r.Status}:").ToArray();
        int width = keys.Max(k => k.Length);
        foreach (EngineStatusRow row in model.Statuses.Where(r => r.Status.IsError()))
        {
            text.Append($"\t{$"Status{row.Status}:".PadRight(width)} {row.GoError},\n");
        }

        text.Append("}\n");
        text.Append("\n// Sizes and offsets: a difference does not compile.\nconst (\n");
        foreach (AbiStructModel item in model.Structs)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"\t_ = uint(unsafe.Sizeof(C.{item.Name}{{}}) - {item.Size})\n\t_ = uint({item.Size} - unsafe.Sizeof(C.{item.Name}{{}}))\n");
            foreach (AbiField field in item.Fields)
            {
                string offset = $"unsafe.Offsetof(C.{item.Name}{{}}.{field.Name})";
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"\t_ = uint({offset} - {field.Offset})\n\t_ = uint({field.Offset} - {offset})\n");
            }
        }

        return text.Append(")\n").ToString();
    }

    private static void EmitAligned(
        StringBuilder text, string open, IEnumerable<(string Name, string Value)> rows)
    {
        (string Name, string Value)[] all = rows.ToArray();
        int width = all.Max(row => row.Name.Length);
        text.Append(open).Append('\n');
        foreach ((string name, string value) in all)
        {
            text.Append($"\t{name.PadRight(width)} {value}\n");
        }

        text.Append(")\n\n");
    }

    private static string GoEnumName(AbiEnumModel item, EnumValue value)
    {
        string kind = PascalCase(item.Prefix["ENGINE_".Length..].ToLowerInvariant().TrimEnd('_'));
        string name = kind + value.Member;
        return char.ToLowerInvariant(name[0]) + name[1..];
    }

    private static string PascalCase(string snake)
    {
        string name = snake.StartsWith("engine_", StringComparison.Ordinal) ? snake["engine_".Length..] : snake;
        return string.Concat(name.Split('_').Select(w => char.ToUpperInvariant(w[0]) + w[1..]));
    }

    private static string PythonType(CType type, bool inStruct)
    {
        if (type.Pointers == 0)
        {
            return Scalar(type);
        }

        if (type.Kind == TypeKind.Handle)
        {
            return type.Pointers == 1 ? "C.c_void_p" : "C.POINTER(C.c_void_p)";
        }

        if (type is { Kind: TypeKind.Text, Pointers: 2 })
        {
            return "C.POINTER(C.c_char_p)";
        }

        if (type.Kind == TypeKind.Text)
        {
            return inStruct || !type.IsConst ? "C.c_void_p" : "C.c_char_p";
        }

        string element = type.Kind == TypeKind.Struct ? PascalCase(type.Base) : Scalar(type with { Pointers = 0 });
        return $"C.POINTER({element})";
    }

    private static string Scalar(CType type) => type switch
    {
        { Kind: TypeKind.Enum } => "C.c_int32",
        { Base: "float" } => "C.c_float",
        { Base: "double" } => "C.c_double",
        { Base: "void" } => "None",
        _ => "C.c_" + type.Base[..^2],
    };
}
