using System.Globalization;
using System.Text;

namespace Engine.Abi.Generator;

/// <summary>Writes the guarded entry points, the C trampolines in front of them and the version script.</summary>
internal static class NativeEmitters
{
    /// <summary>The managed entry point behind an export; never exported itself.</summary>
    public static string ManagedName(AbiFunctionModel function) =>
        "engineimpl" + function.Name["engine".Length..];

    public static string ExportsCs(AbiModel model)
    {
        var text = new StringBuilder("""
            // Generated from the AbiFunction attributes by abi/Generator; do not edit.
            using Engine.Abi.Api;
            using Engine.Abi.Handles;
            using Engine.Abi.Types;

            namespace Engine.Abi;

            /// <summary>Every managed entry point; each catches everything.</summary>
            internal static unsafe class Exports
            {
                [UnmanagedCallersOnly(EntryPoint = "engineimpl__start")]
                public static void Start()
                {
                }


            """);
        foreach (AbiFunctionModel function in model.Functions.Where(f => !f.IsNative))
        {
            EmitExport(text, function);
        }

        text.Length--;
        return text.Append("}\n").ToString();
    }

    private static void EmitExport(StringBuilder text, AbiFunctionModel function)
    {
        string Declare(AbiParameter p) =>
            (p.Type is { Kind: TypeKind.Handle, Pointers: 1 } ? "nint" : p.CSharpType) + " " + Name(p);
        string Pass(AbiParameter p) =>
            p.Type is { Kind: TypeKind.Handle, Pointers: 1 } ? $"new {p.CSharpType}({Name(p)})" : Name(p);

        bool status = function.CSharpReturns == "EngineStatus";
        string err = function.NoError ? "" : "err";
        string call = $"{function.Implementation}("
            + string.Join(", ", function.Parameters.Where(p => p.Name != "err").Select(Pass)) + ")";
        string result = status ? $"Guard.Finish({call}, {(function.NoError ? "null" : "err")})" : call;
        string failure = status ? $"Guard.Fail(e, {(function.NoError ? "null" : "err")})" : "default";
        string variable = status ? "Exception e" : "Exception";
        text.Append($$"""
                [UnmanagedCallersOnly(EntryPoint = "{{ManagedName(function)}}")]
                public static {{(status ? "int" : function.CSharpReturns)}} {{PascalName(function)}}({{string.Join(", ", function.Parameters.Select(Declare))}})
                {
                    try
                    {
                        Guard.Enter({{err}});
                        return {{result}};
                    }
                    catch ({{variable}})
                    {
                        return {{failure}};
                    }
                }


            """);
    }

    private static string PascalName(AbiFunctionModel function) => string.Concat(
        function.Name.Split('_').Skip(1).Select(w => char.ToUpperInvariant(w[0]) + w[1..]));

    private static string Name(AbiParameter p) => p.Name switch
    {
        "params" => "parameters",
        _ => CamelCase(p.Name),
    };

    private static string CamelCase(string snake)
    {
        string pascal = string.Concat(snake.Split('_').Select(w => char.ToUpperInvariant(w[0]) + w[1..]));
        return char.ToLowerInvariant(pascal[0]) + pascal[1..];
    }

    public static string ShimC(AbiModel model, string layoutJson)
    {
        var text = new StringBuilder("""
            /* Generated from the AbiFunction attributes by abi/Generator; do not edit. */
            #define ENGINE_ALLOW_UNSTABLE
            #include "engine/engine.h"
            #include "shim.h"


            """);
        text.Append(CultureInfo.InvariantCulture, $"const char engine_shim_version[] = \"{model.Version}\";\n\n");
        text.Append("const char *const engine_shim_features[] = {\n");
        foreach (string feature in model.Features)
        {
            text.Append($"    \"{feature}\",\n");
        }

        text.Append("    0,\n};\n\nconst engine_shim_status engine_shim_statuses[] = {\n");
        AbiEnumModel statuses = model.Enums.Single(e => e.Name == "engine_status");
        foreach (EnumValue value in statuses.Values)
        {
            string message = model.Statuses.Single(r => (int)r.Status == value.Value).Message;
            text.Append($"    {{{value.Value}, \"{value.Name}\", \"{message}\"}},\n");
        }

        text.Append("    {0, 0, 0},\n};\n\nconst char engine_shim_layout[] =");
        foreach (string line in layoutJson.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string escaped = line.Replace("\\", "\\\\", StringComparison.Ordinal)
                .Replace("\"", "\\\"", StringComparison.Ordinal);
            text.Append($"\n    \"{escaped}\\n\"");
        }

        text.Append(";\nconst uint64_t engine_shim_layout_bytes = sizeof(engine_shim_layout) - 1;\n\n");
        foreach (AbiFunctionModel function in model.Functions.Where(f => !f.IsNative))
        {
            EmitTrampoline(text, function);
        }

        text.Length--;
        return text.ToString();
    }

    private static void EmitTrampoline(StringBuilder text, AbiFunctionModel function)
    {
        string target = ManagedName(function);
        string arguments = string.Join(", ", function.Parameters.Select(p => p.Name));
        string failed = function.CSharpReturns == "EngineStatus" ? "status"
            : function.Returns.IsCString && function.Name.EndsWith("_message", StringComparison.Ordinal) ? "\"\""
            : "0";
        string declaration = HeaderEmitter.Prototype(function with { Name = target });
        text.Append($"extern {declaration};\n{HeaderEmitter.Prototype(function)}\n{{\n")
            .Append("    engine_status status = engine_shim_enter();\n    if (status != ENGINE_OK) {\n");
        if (!function.NoError)
        {
            text.Append("        if (err) {\n            *err = 0;\n        }\n");
        }

        text.Append($"        return {failed};\n    }}\n    return {target}({arguments});\n}}\n\n");
    }

    public static string VersionScript(AbiModel model)
    {
        var text = new StringBuilder("# Generated by abi/Generator; do not edit.\nENGINE_0 {\n    global:\n");
        foreach (AbiFunctionModel function in model.Functions)
        {
            text.Append($"        {function.Name};\n");
        }

        return text.Append("    local: *;\n};\n").ToString();
    }

    /// <summary>Sizes and offsets as C and C++ compilers see them.</summary>
    public static string Asserts(AbiModel model)
    {
        var text = new StringBuilder("""
            /* Generated by abi/Generator; do not edit. Compiled by the tests as C and as C++. */
            #ifndef ENGINE_ABI_ASSERTS_H
            #define ENGINE_ABI_ASSERTS_H
            #include <stddef.h>
            #include <engine/engine.h>
            #ifdef __cplusplus
            #define ENGINE_ASSERT(condition) static_assert(condition, #condition)
            #else
            #define ENGINE_ASSERT(condition) _Static_assert(condition, #condition)
            #endif


            """);
        foreach (AbiStructModel item in model.Structs)
        {
            text.Append(CultureInfo.InvariantCulture, $"ENGINE_ASSERT(sizeof({item.Name}) == {item.Size});\n");
            foreach (AbiField field in item.Fields)
            {
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"ENGINE_ASSERT(offsetof({item.Name}, {field.Name}) == {field.Offset});\n");
            }
        }

        foreach (EnumValue value in model.Enums.SelectMany(e => e.Values))
        {
            text.Append($"ENGINE_ASSERT({value.Name} == {value.Value});\n");
        }

        return text.Append("\n#endif\n").ToString();
    }
}
