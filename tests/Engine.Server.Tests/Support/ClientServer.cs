using Engine.Hosting;
using Engine.Server.Http;
using Engine.Server.Http.Hosting;

namespace Engine.Server.Tests.Support;

/// <summary>The server as the official clients meet it: a real engine on its thread, a model without weights.</summary>
internal static class ClientServer
{
    public const string ApiKey = "sk-test";

    public static Task<TestServer> StartAsync(string? apiKey = ApiKey)
    {
        var options = new EngineOptions { MaxNumSeqs = 16 };
        EngineWorker worker = FakeModel.CreateWorker("fake:eos_period=0,max_model_len=512", options);
        var model = new ServedModel
        {
            Engine = new WorkerBackend(worker),
            Names = ["m"],
            Root = "fake:",
            Chat = new FakeChat(),
        };
        var server = new ServerOptions { Port = 0, ApiKeys = apiKey is null ? [] : [apiKey] };
        return TestServer.StartAsync(model, null, server);
    }
}
