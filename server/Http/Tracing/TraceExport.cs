using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Engine.Server.Http.Tracing;

/// <summary>Sends spans to a collector, under the environment variables of OpenTelemetry.</summary>
internal static class TraceExport
{
    private const string ProtocolVariable = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
    private const string GeneralProtocolVariable = "OTEL_EXPORTER_OTLP_PROTOCOL";

    /// <summary>Begins; what is collected goes out when the result is disposed.</summary>
    /// <param name="endpoint">As vLLM takes it: grpc://host:4317, or http://host:4318/v1/traces.</param>
    /// <exception cref="EngineException">InvalidArgument: no such address or protocol.</exception>
    public static IDisposable Start(string endpoint)
    {
        Uri address = AddressOf(endpoint);
        OtlpExportProtocol protocol = ProtocolOf(Environment.GetEnvironmentVariable(ProtocolVariable)
            ?? Environment.GetEnvironmentVariable(GeneralProtocolVariable));

        // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come last and count.
        ResourceBuilder resource = ResourceBuilder.CreateEmpty()
            .AddService("engine", serviceVersion: ProductVersion.Text)
            .AddTelemetrySdk()
            .AddEnvironmentVariableDetector();
        return Sdk.CreateTracerProviderBuilder()
            .AddSource(RequestTrace.SourceName)
            .SetResourceBuilder(resource)
            .AddOtlpExporter(exporter =>
            {
                exporter.Endpoint = address;
                exporter.Protocol = protocol;
            })
            .Build();
    }

    private static OtlpExportProtocol ProtocolOf(string? name) => name switch
    {
        null or "" or "grpc" => OtlpExportProtocol.Grpc,
        "http/protobuf" => OtlpExportProtocol.HttpProtobuf,
        _ => throw EngineException.Invalid(
            "otlp-traces-endpoint", $"{ProtocolVariable} must be grpc or http/protobuf, found \"{name}\""),
    };

    private static Uri AddressOf(string endpoint)
    {
        const string grpc = "grpc://";
        string text = endpoint.StartsWith(grpc, StringComparison.OrdinalIgnoreCase)
            ? "http://" + endpoint[grpc.Length..]
            : endpoint.Contains("://", StringComparison.Ordinal) ? endpoint : "http://" + endpoint;
        return Uri.TryCreate(text, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https"
            ? address
            : throw EngineException.Invalid(
                "otlp-traces-endpoint", $"must be grpc://host:port, http:// or https://, found \"{endpoint}\"");
    }
}
