using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Engine.Abi.Generator;

/// <summary>Writes abi.json (everything) and the layout alone (what the library carries).</summary>
internal static class JsonEmitter
{
    public static string Emit(AbiModel model) => Write(indented: true, writer =>
    {
        writer.WriteString("generated", "by abi/Generator from the C# sources; do not edit");
        writer.WriteString("version", model.Version);
        writer.WriteString("soname", "libengine.so.0");
        writer.WriteString("node", "ENGINE_0");
        WriteArray(writer, "statuses", model.Statuses, WriteStatus);
        WriteArray(writer, "enums", model.Enums, (w, item) => WriteEnum(w, item, docs: true));
        WriteArray(writer, "handles", model.Handles, (w, item) =>
        {
            w.WriteString("name", item.Name);
            w.WriteString("doc", item.Doc);
        });
        WriteArray(writer, "structs", model.Structs, (w, item) => WriteStruct(w, item, docs: true));
        WriteArray(writer, "functions", model.Functions, WriteFunction);
        writer.WriteStartArray("features");
        foreach (string feature in model.Features)
        {
            writer.WriteStringValue(feature);
        }

        writer.WriteEndArray();
    });

    public static string EmitLayout(AbiModel model)
    {
        string json = Write(indented: false, writer =>
        {
            writer.WriteString("version", model.Version);
            WriteArray(writer, "enums", model.Enums, (w, item) => WriteEnum(w, item, docs: false));
            WriteArray(writer, "structs", model.Structs, (w, item) => WriteStruct(w, item, docs: false));
        });
        return json.Replace("},{\"name\"", "},\n{\"name\"", StringComparison.Ordinal);
    }

    private static string Write(bool indented, Action<Utf8JsonWriter> body)
    {
        using var stream = new MemoryStream();
        var options = new JsonWriterOptions
        {
            Indented = indented,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            NewLine = "\n",
        };
        using (var writer = new Utf8JsonWriter(stream, options))
        {
            writer.WriteStartObject();
            body(writer);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray()) + "\n";
    }

    private static void WriteArray<T>(
        Utf8JsonWriter writer, string name, IEnumerable<T> items, Action<Utf8JsonWriter, T> write)
    {
        writer.WriteStartArray(name);
        foreach (T item in items)
        {
            writer.WriteStartObject();
            write(writer, item);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteStatus(Utf8JsonWriter writer, EngineStatusRow row)
    {
        writer.WriteNumber("value", (int)row.Status);
        writer.WriteNumber("http", row.HttpStatus);
        writer.WriteString("http_type", row.HttpType);
        writer.WriteString("python", row.PythonException);
        writer.WriteString("python_base", row.PythonBase);
        writer.WriteString("go", row.GoError);
        writer.WriteString("message", row.Message);
    }

    private static void WriteEnum(Utf8JsonWriter writer, AbiEnumModel item, bool docs)
    {
        writer.WriteString("name", item.Name);
        if (docs)
        {
            writer.WriteString("since", item.Since);
            writer.WriteString("doc", item.Doc);
            WriteArray(writer, "values", item.Values, (w, value) =>
            {
                w.WriteString("name", value.Name);
                w.WriteNumber("value", value.Value);
                w.WriteString("doc", value.Doc);
            });
            return;
        }

        writer.WriteStartObject("values");
        foreach (EnumValue value in item.Values)
        {
            writer.WriteNumber(value.Name, value.Value);
        }

        writer.WriteEndObject();
    }

    private static void WriteStruct(Utf8JsonWriter writer, AbiStructModel item, bool docs)
    {
        writer.WriteString("name", item.Name);
        writer.WriteNumber("size", item.Size);
        if (docs)
        {
            writer.WriteString("since", item.Since);
            writer.WriteString("doc", item.Doc);
            WriteArray(writer, "fields", item.Fields, (w, field) =>
            {
                w.WriteString("name", field.Name);
                w.WriteString("type", field.Type.Spelling);
                w.WriteNumber("offset", field.Offset);
                w.WriteNumber("size", field.Size);
                w.WriteString("doc", field.Doc);
            });
            return;
        }

        writer.WriteStartObject("offsets");
        foreach (AbiField field in item.Fields)
        {
            writer.WriteNumber(field.Name, field.Offset);
        }

        writer.WriteEndObject();
    }

    private static void WriteFunction(Utf8JsonWriter writer, AbiFunctionModel function)
    {
        writer.WriteString("name", function.Name);
        writer.WriteString("returns", function.Returns.Spelling);
        WriteArray(writer, "params", function.Parameters, (w, parameter) =>
        {
            w.WriteString("name", parameter.Name);
            w.WriteString("type", parameter.Type.Spelling);
            w.WriteString("doc", parameter.Doc);
        });
        writer.WriteString("threading", function.Threading.ToString().ToLowerInvariant());
        writer.WriteString("lifecycle", function.Lifecycle.ToString().ToLowerInvariant());
        writer.WriteString("since", function.Since);
        writer.WriteString("doc", function.Doc);
        writer.WriteString("returns_doc", function.ReturnsDoc);
    }
}
