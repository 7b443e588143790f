using System.Net;
using System.Net.Sockets;
using System.Text;
using Engine.Server.Bench.Load;

namespace Engine.Server.Tests.Commands;

/// <summary>The load generator beside servers that close connections with a request on them.</summary>
[TestFixture]
public sealed class LoadTargetTests
{
    private const string Answer = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        + "data: {\"choices\":[{\"text\":\"a\"}],\"usage\":{\"completion_tokens\":1}}\n\ndata: [DONE]\n\n";

    [TestCase(0, 0, 0, true)]
    [TestCase(2, 3, 2, true)]
    [TestCase(2, 1, 1, false)]
    public async Task ARequestWithoutAByteOfAnAnswerIsSentAgainAndCounted(
        int numCloses, int maxRetries, int expected, bool isAnswered)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Task server = ServeAsync(listener, numCloses);
        var url = new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        using var target = new HttpLoadTarget(url, model: null, apiKey: null, maxRetries);
        LoadRecord record = await target.AskAsync(new LoadRequest("text", 1), CancellationToken.None);
        listener.Stop();
        await server;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(record.NumRetries, Is.EqualTo(expected));
            Assert.That(record.Failure is null, Is.EqualTo(isAnswered), record.Failure);
            Assert.That(record.NumTokens, Is.EqualTo(isAnswered ? 1 : 0));
        }
    }

    private static async Task ServeAsync(TcpListener listener, int numCloses)
    {
        try
        {
            for (int i = 0; ; i++)
            {
                using TcpClient client = await listener.AcceptTcpClientAsync();
                var request = new byte[4096];
                _ = await client.GetStream().ReadAsync(request);
                if (i >= numCloses) await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(Answer));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Stopped.
        }
    }
}
