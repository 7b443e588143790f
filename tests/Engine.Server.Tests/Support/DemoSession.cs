using Engine.Hosting;
using Engine.Server.Http;
using Engine.Server.Http.Hosting;
using Engine.Server.Sessions;

namespace Engine.Server.Tests.Support;

/// <summary>The demo model under the name m, with its own template, as serve would have it.</summary>
internal static class DemoSession
{
    public static ServingSession Open(int maxNumSeqs, string reasoningParser) => ServingSession.Open(
        new ModelLoadOptions { Model = EngineProcess.DemoModelFolder },
        new EngineOptions { MaxNumSeqs = maxNumSeqs },
        ["m"],
        new ServerOptions(),
        template: null,
        template => ChatFormats.Create("auto", reasoningParser, template),
        (sampling, _) => sampling,
        CancellationToken.None);
}
