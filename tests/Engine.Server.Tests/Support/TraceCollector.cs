using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Engine.Server.Tests.Support;

/// <summary>One span as it came over the wire.</summary>
internal sealed record CollectedSpan(
    string TraceId, string ParentId, string Name, int Kind, int Status, double Seconds,
    IReadOnlyDictionary<string, string> Attributes);

/// <summary>An OTLP collector in this process: protobuf over HTTP/1.1, or gRPC over HTTP/2 without TLS.</summary>
internal sealed class TraceCollector : IAsyncDisposable
{
    private readonly WebApplication _app;

    private TraceCollector(WebApplication app) => _app = app;

    public ConcurrentQueue<CollectedSpan> Spans { get; } = new();

    public string? ServiceName { get; private set; }

    public string Address => _app.Services.GetRequiredService<IServer>().Features
        .Get<IServerAddressesFeature>()!.Addresses.First();

    public static async Task<TraceCollector> StartAsync(bool isGrpc)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(
            IPAddress.Loopback, 0, listen => listen.Protocols = isGrpc ? HttpProtocols.Http2 : HttpProtocols.Http1));
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        WebApplication app = builder.Build();
        var collector = new TraceCollector(app);
        app.Run(isGrpc ? collector.TakeGrpcAsync : collector.TakeHttpAsync);
        await app.StartAsync();
        return collector;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task TakeHttpAsync(HttpContext context)
    {
        Assert.That(context.Request.Path.Value, Is.EqualTo("/v1/traces"));
        Read(await BodyAsync(context));
        context.Response.ContentType = "application/x-protobuf";
    }

    private async Task TakeGrpcAsync(HttpContext context)
    {
        Assert.That(
            context.Request.Path.Value, Is.EqualTo("/opentelemetry.proto.collector.trace.v1.TraceService/Export"));
        byte[] body = await BodyAsync(context);
        Read(body.AsMemory(5, (int)BinaryPrimitives.ReadUInt32BigEndian(body.AsSpan(1))));
        context.Response.ContentType = "application/grpc";
        context.Response.DeclareTrailer("grpc-status");
        await context.Response.Body.WriteAsync(new byte[5]);
        context.Response.AppendTrailer("grpc-status", "0");
    }

    private static async Task<byte[]> BodyAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        return body.ToArray();
    }

    // ExportTraceServiceRequest { resource_spans = 1 { resource = 1, scope_spans = 2 { spans = 2 } } }
    private void Read(ReadOnlyMemory<byte> message)
    {
        foreach (ReadOnlyMemory<byte> resourceSpans in Messages(message, 1))
        {
            ServiceName = Attributes(Messages(resourceSpans, 1).First(), 1).GetValueOrDefault("service.name");
            foreach (ReadOnlyMemory<byte> span in Messages(resourceSpans, 2).SelectMany(scope => Messages(scope, 2)))
            {
                (int Number, ulong Value, ReadOnlyMemory<byte> Bytes)[] fields = [.. Fields(span)];
                ReadOnlyMemory<byte> bytes(int number) => fields.FirstOrDefault(f => f.Number == number).Bytes;
                ulong value(int number) => fields.FirstOrDefault(f => f.Number == number).Value;
                Spans.Enqueue(new CollectedSpan(
                    Convert.ToHexStringLower(bytes(1).Span),
                    Convert.ToHexStringLower(bytes(4).Span),
                    Encoding.UTF8.GetString(bytes(5).Span),
                    (int)value(6),
                    (int)Fields(bytes(15)).FirstOrDefault(f => f.Number == 3).Value,
                    (value(8) - value(7)) / 1e9,
                    Attributes(span, 9)));
            }
        }
    }

    private static Dictionary<string, string> Attributes(ReadOnlyMemory<byte> message, int number) =>
        Messages(message, number).ToDictionary(
            pair => Encoding.UTF8.GetString(Messages(pair, 1).First().Span),
            pair => Text(Fields(Messages(pair, 2).First()).First()));

    // AnyValue: string 1, bool 2, int 3, double 4.
    private static string Text((int Number, ulong Value, ReadOnlyMemory<byte> Bytes) value) => value.Number switch
    {
        1 => Encoding.UTF8.GetString(value.Bytes.Span),
        4 => BitConverter.UInt64BitsToDouble(value.Value).ToString("R", CultureInfo.InvariantCulture),
        _ => ((long)value.Value).ToString(CultureInfo.InvariantCulture),
    };

    private static IEnumerable<ReadOnlyMemory<byte>> Messages(ReadOnlyMemory<byte> message, int number) =>
        Fields(message).Where(field => field.Number == number).Select(field => field.Bytes);

    private static List<(int Number, ulong Value, ReadOnlyMemory<byte> Bytes)> Fields(ReadOnlyMemory<byte> message)
    {
        var fields = new List<(int, ulong, ReadOnlyMemory<byte>)>();
        int at = 0;
        while (at < message.Length)
        {
            ulong key = Varint(message.Span, ref at);
            int number = (int)(key >> 3);
            switch (key & 7)
            {
                case 0:
                    fields.Add((number, Varint(message.Span, ref at), default));
                    break;
                case 1:
                    fields.Add((number, BinaryPrimitives.ReadUInt64LittleEndian(message.Span[at..]), default));
                    at += 8;
                    break;
                case 2:
                    int length = (int)Varint(message.Span, ref at);
                    fields.Add((number, 0, message.Slice(at, length)));
                    at += length;
                    break;
                default:
                    fields.Add((number, BinaryPrimitives.ReadUInt32LittleEndian(message.Span[at..]), default));
                    at += 4;
                    break;
            }
        }

        return fields;
    }

    private static ulong Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte b = bytes[at++];
            value |= (ulong)(b & 127) << shift;
            if (b < 128)
            {
                return value;
            }
        }
    }
}
