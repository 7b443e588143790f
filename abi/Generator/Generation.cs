using System.Reflection;

namespace Engine.Abi.Generator;

/// <summary>All files that are generated, by path from the root of the repository.</summary>
internal static class Generation
{
    public static IReadOnlyDictionary<string, string> Run() => Run(typeof(Guard).Assembly);

    public static IReadOnlyDictionary<string, string> Run(Assembly assembly)
    {
        AbiModel model = new ModelReader(assembly).Read();
        return new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["abi/abi.json"] = JsonEmitter.Emit(model),
            ["abi/include/engine/engine.h"] = HeaderEmitter.Emit(model),
            ["abi/Generated/Exports.g.cs"] = NativeEmitters.ExportsCs(model),
            ["abi/Generated/abi_asserts.g.h"] = NativeEmitters.Asserts(model),
            ["abi/native/exports.g.c"] = NativeEmitters.ShimC(model, JsonEmitter.EmitLayout(model)),
            ["abi/native/libengine.g.map"] = NativeEmitters.VersionScript(model),
            ["bindings/python/libengine/_abi.py"] = BindingEmitters.Python(model),
            ["bindings/python/libengine/errors.py"] = BindingEmitters.PythonErrors(model),
            ["bindings/go/abi_generated.go"] = BindingEmitters.Go(model),
        };
    }
}
