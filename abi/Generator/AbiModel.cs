namespace Engine.Abi.Generator;

/// <summary>What a C type refers to.</summary>
internal enum TypeKind
{
    Primitive,
    Text,
    Enum,
    Handle,
    Struct,
}

/// <summary>A C type: "const engine_event *" is (engine_event, 1, true, Struct).</summary>
internal sealed record CType(string Base, int Pointers, bool IsConst, TypeKind Kind, bool IsCString = false)
{
    /// <summary>As C spells it, without a name.</summary>
    public string Spelling =>
        (IsConst ? "const " : "") + Base + (Pointers > 0 ? " " + new string('*', Pointers) : "");

    /// <summary>As C spells it, with a name.</summary>
    public string Declare(string name) => Pointers > 0 ? Spelling + name : Spelling + " " + name;
}

internal sealed record EnumValue(string Name, string Member, int Value, string Doc);

internal sealed record AbiEnumModel(
    string Name, string Prefix, Type Source, string Since, string Doc, IReadOnlyList<EnumValue> Values);

internal sealed record AbiHandleModel(string Name, string Doc);

internal sealed record AbiField(string Name, CType Type, int Offset, int Size, string Doc);

internal sealed record AbiStructModel(
    string Name, int Size, string Since, string Doc, IReadOnlyList<AbiField> Fields);

internal sealed record AbiParameter(string Name, CType Type, string CSharpType, string Doc);

internal sealed record AbiFunctionModel(
    string Name,
    CType Returns,
    IReadOnlyList<AbiParameter> Parameters,
    Threading Threading,
    Lifecycle Lifecycle,
    string Since,
    bool NoError,
    bool IsNative,
    string Implementation,
    string CSharpReturns,
    string Doc,
    string ReturnsDoc);

internal sealed record AbiModel(
    string Version,
    int Major,
    int Minor,
    IReadOnlyList<AbiEnumModel> Enums,
    IReadOnlyList<AbiHandleModel> Handles,
    IReadOnlyList<AbiStructModel> Structs,
    IReadOnlyList<AbiFunctionModel> Functions,
    IReadOnlyList<string> Features,
    IReadOnlyList<EngineStatusRow> Statuses);
