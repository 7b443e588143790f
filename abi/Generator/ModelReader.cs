using System.Reflection;
using System.Text;

namespace Engine.Abi.Generator;

/// <summary>Reads the model of the ABI from the built assembly: attributes, signatures, XML docs.</summary>
internal sealed class ModelReader
{
    private readonly Assembly _assembly;
    private readonly Docs _docs;
    private readonly Dictionary<Type, AbiEnumAttribute> _enums;

    public ModelReader(Assembly assembly)
    {
        _assembly = assembly;
        string core = typeof(EngineStatus).Assembly.Location;
        _docs = new Docs(Path.ChangeExtension(core, ".xml"), Path.ChangeExtension(assembly.Location, ".xml"));
        _enums = assembly.GetCustomAttributes<AbiEnumAttribute>().ToDictionary(a => a.Type);
    }

    public AbiModel Read()
    {
        string version = _assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
            .InformationalVersion.Split('+')[0];
        string[] numbers = version.Split('.');
        return new AbiModel(
            version,
            int.Parse(numbers[0]),
            int.Parse(numbers[1]),
            _assembly.GetCustomAttributes<AbiEnumAttribute>().Select(ReadEnum).ToArray(),
            Marked<AbiHandleAttribute>().Select(p => new AbiHandleModel(p.Mark.Name, Doc(p.Type))).ToArray(),
            Marked<AbiStructAttribute>().OrderBy(p => p.Type.MetadataToken).Select(ReadStruct).ToArray(),
            Functions().ToArray(),
            _assembly.GetCustomAttributes<AbiFeatureAttribute>()
                .Select(a => a.Name).Order(StringComparer.Ordinal).ToArray(),
            EngineStatusTable.Rows);
    }

    internal static string Snake(string name)
    {
        var text = new StringBuilder();
        for (int i = 0; i < name.Length; i++)
        {
            bool starts = char.IsUpper(name[i]) && i > 0
                && (!char.IsUpper(name[i - 1]) || (i + 1 < name.Length && char.IsLower(name[i + 1])));
            text.Append(starts ? "_" : "").Append(char.ToLowerInvariant(name[i]));
        }

        return text.ToString();
    }

    private IEnumerable<(Type Type, T Mark)> Marked<T>()
        where T : Attribute =>
        _assembly.GetTypes().Where(t => t.GetCustomAttribute<T>() is not null)
            .OrderBy(t => t.MetadataToken).Select(t => (t, t.GetCustomAttribute<T>()!));

    private string Doc(Type type) => _docs.Summary("T:" + type.FullName);

    private AbiEnumModel ReadEnum(AbiEnumAttribute mark)
    {
        IEnumerable<EnumValue> values =
            mark.Type.GetFields(BindingFlags.Public | BindingFlags.Static).Select(field =>
            {
                int value = (int)field.GetRawConstantValue()!;
                string prefix = value < 0 && mark.ErrorPrefix is not null ? mark.ErrorPrefix : mark.Prefix;
                return new EnumValue(
                    prefix + Snake(field.Name).ToUpperInvariant(), field.Name, value,
                    _docs.Summary($"F:{mark.Type.FullName}.{field.Name}"));
            });
        return new AbiEnumModel(mark.Name, mark.Prefix, mark.Type, mark.Since, Doc(mark.Type), values.ToArray());
    }

    private AbiStructModel ReadStruct((Type Type, AbiStructAttribute Mark) item)
    {
        var fields = new List<AbiField>();
        int offset = 0;
        foreach (FieldInfo field in item.Type.GetFields(BindingFlags.Public | BindingFlags.Instance))
        {
            CType type = TypeOf(field.FieldType, isConst: true, isCString: Has<CStringAttribute>(field));
            int size = SizeOf(type);
            if (offset % size != 0)
            {
                throw new InvalidOperationException($"{item.Mark.Name}.{field.Name} is not aligned: reorder");
            }

            fields.Add(new AbiField(
                Snake(field.Name), type, offset, size,
                _docs.Summary($"F:{item.Type.FullName}.{field.Name}")));
            offset += size;
        }

        int alignment = fields.Max(field => field.Size);
        return offset % alignment == 0
            ? new AbiStructModel(item.Mark.Name, offset, item.Mark.Since, Doc(item.Type), fields)
            : throw new InvalidOperationException($"{item.Mark.Name}: pad the tail to {alignment} bytes");
    }

    private IEnumerable<AbiFunctionModel> Functions() =>
        from type in _assembly.GetTypes().OrderBy(ApiOrder)
        from method in type.GetMethods(
            BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance
            | BindingFlags.DeclaredOnly)
        let mark = method.GetCustomAttribute<AbiFunctionAttribute>()
        where mark is not null
        orderby ApiOrder(type), method.MetadataToken
        select ReadFunction(type, method, mark);

    private static int ApiOrder(Type type) => Array.IndexOf(
        ["INativeApi", "LibraryApi", "ErrorApi", "ParamsApi", "ModelApi", "LoadApi", "TokenizerApi", "ChatApi",
            "ChatParserApi", "EngineApi", "RequestApi", "BeamApi", "MetricsApi", "PoolerApi", "PoolingApi"], type.Name);

    private AbiFunctionModel ReadFunction(Type type, MethodInfo method, AbiFunctionAttribute mark)
    {
        string id = _docs.MethodId(type, method.Name);
        var parameters = method.GetParameters().Select(parameter => new AbiParameter(
            parameter.Name == "parameters" ? "params" : Snake(parameter.Name!),
            TypeOf(
                parameter.ParameterType,
                parameter.IsIn || Has<CStringAttribute>(parameter),
                Has<CStringAttribute>(parameter)),
            CSharpName(parameter.ParameterType),
            _docs.Parameter(id, parameter.Name!))).ToList();
        if (!mark.NoError)
        {
            parameters.Add(new AbiParameter(
                "err", new CType("engine_error", 2, false, TypeKind.Handle), "ErrorHandle*",
                "NULL, or takes NULL on success and an error to release on failure."));
        }

        bool text = method.ReturnParameter.GetCustomAttribute<CStringAttribute>() is not null;
        return new AbiFunctionModel(
            mark.Name, TypeOf(method.ReturnType, text, text), parameters, mark.Threading, mark.Lifecycle,
            mark.Since, mark.NoError, mark.Native, $"{type.Name}.{method.Name}",
            CSharpName(method.ReturnType), _docs.Summary(id), _docs.Returns(id));
    }

    private static bool Has<T>(ICustomAttributeProvider provider) => provider.IsDefined(typeof(T), false);

    private CType TypeOf(Type type, bool isConst, bool isCString)
    {
        int pointers = 0;
        while (type.IsPointer)
        {
            pointers++;
            type = type.GetElementType()!;
        }

        isConst &= pointers > 0;
        if (type.GetCustomAttribute<AbiHandleAttribute>() is { } handle)
        {
            return new CType(handle.Name, pointers + 1, false, TypeKind.Handle);
        }

        if (type.GetCustomAttribute<AbiStructAttribute>() is { } structure)
        {
            return new CType(structure.Name, pointers, isConst, TypeKind.Struct);
        }

        if (_enums.TryGetValue(type, out AbiEnumAttribute? mark))
        {
            return new CType(mark.Name, pointers, isConst, TypeKind.Enum);
        }

        return type == typeof(byte) && pointers > 0
            ? new CType("char", pointers, isConst, TypeKind.Text, isCString)
            : new CType(Primitive(type), pointers, isConst, TypeKind.Primitive);
    }

    private static string Primitive(Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.Byte => "uint8_t",
        TypeCode.Int32 => "int32_t",
        TypeCode.UInt32 => "uint32_t",
        TypeCode.Int64 => "int64_t",
        TypeCode.UInt64 => "uint64_t",
        TypeCode.Single => "float",
        TypeCode.Double => "double",
        _ when type == typeof(void) => "void",
        _ => throw new InvalidOperationException($"{type} has no place in the ABI"),
    };

    private static int SizeOf(CType type) => type switch
    {
        { Pointers: > 0 } => 8,
        { Kind: TypeKind.Enum } => 4,
        { Base: "int32_t" or "uint32_t" or "float" } => 4,
        { Base: "int64_t" or "uint64_t" or "double" } => 8,
        _ => throw new InvalidOperationException($"{type.Spelling} has no place in a struct"),
    };

    private static string CSharpName(Type type)
    {
        if (type.IsPointer)
        {
            return CSharpName(type.GetElementType()!) + "*";
        }

        return Type.GetTypeCode(type) switch
        {
            _ when type.IsEnum => type.Name,
            TypeCode.Byte => "byte",
            TypeCode.Int32 => "int",
            TypeCode.UInt32 => "uint",
            TypeCode.Int64 => "long",
            TypeCode.UInt64 => "ulong",
            TypeCode.Single => "float",
            TypeCode.Double => "double",
            _ when type == typeof(void) => "void",
            _ => type.Name,
        };
    }
}
