namespace Engine.Abi;

/// <summary>Which threads may call a function, and when.</summary>
internal enum Threading
{
    /// <summary>Any thread, at any time, concurrently with every other call.</summary>
    Any = 0,

    /// <summary>Any thread, but one at a time on the same object.</summary>
    Exclusive = 1,

    /// <summary>Any thread; concurrent first calls wait for one another.</summary>
    Init = 2,
}

/// <summary>How far a name may be relied on.</summary>
internal enum Lifecycle
{
    /// <summary>Never removed nor re-signed within this SONAME.</summary>
    Stable = 0,

    /// <summary>May change; hidden unless ENGINE_ALLOW_UNSTABLE is defined.</summary>
    Unstable = 1,

    /// <summary>Works, but has a better successor.</summary>
    Deprecated = 2,
}

/// <summary>
/// Makes a static method an export. The generator writes the guarded entry point, the C
/// trampoline, the header and the bindings from it; its XML docs are the header's docs.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class AbiFunctionAttribute(string name) : Attribute
{
    public string Name { get; } = name;

    public Threading Threading { get; init; } = Threading.Any;

    public string Since { get; init; } = "0.1";

    public Lifecycle Lifecycle { get; init; } = Lifecycle.Stable;

    /// <summary>No trailing engine_error **: accessors and releases.</summary>
    public bool NoError { get; init; }

    /// <summary>Implemented in native/shim.c: works before the runtime starts and after a fork.</summary>
    public bool Native { get; init; }
}

/// <summary>A struct of the ABI. Fields in order, fixed-width, natural alignment.</summary>
[AttributeUsage(AttributeTargets.Struct)]
internal sealed class AbiStructAttribute(string name) : Attribute
{
    public string Name { get; } = name;

    public string Since { get; init; } = "0.1";
}

/// <summary>An opaque pointer of the ABI.</summary>
[AttributeUsage(AttributeTargets.Struct)]
internal sealed class AbiHandleAttribute(string name) : Attribute
{
    public string Name { get; } = name;
}

/// <summary>An enum of the ABI, int32. Negative members take ErrorPrefix.</summary>
[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
internal sealed class AbiEnumAttribute(Type type, string name, string prefix) : Attribute
{
    public Type Type { get; } = type;

    public string Name { get; } = name;

    public string Prefix { get; } = prefix;

    public string? ErrorPrefix { get; init; }

    public string Since { get; init; } = "0.1";
}

/// <summary>Something that engine_has_feature answers.</summary>
[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
internal sealed class AbiFeatureAttribute(string name) : Attribute
{
    public string Name { get; } = name;
}

/// <summary>A C string (NUL-terminated) where other text is (pointer, length).</summary>
[AttributeUsage(AttributeTargets.Parameter | AttributeTargets.Field | AttributeTargets.ReturnValue)]
internal sealed class CStringAttribute : Attribute;
