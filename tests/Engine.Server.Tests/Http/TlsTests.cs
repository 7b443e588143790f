using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Engine.Server.Http;
using Engine.Server.Http.Security;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>The server over TLS, with and without clients' certificates.</summary>
[TestFixture]
public sealed class TlsTests
{
    private Certificates _certificates = null!;

    [OneTimeSetUp]
    public void MakeAuthority() => _certificates = new Certificates();

    [OneTimeTearDown]
    public void DeleteAuthority() => _certificates.Dispose();

    [Test]
    public async Task ItAnswersWithTheCertificateOfItsFiles()
    {
        await using TestServer server = await StartAsync(Options("plain"));
        using HttpClient client = Client(server);
        using HttpResponseMessage response = await client.GetAsync("/v1/models");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(server.Address.Scheme, Is.EqualTo("https"));
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        }
    }

    [Test]
    public async Task PlainHttpIsNotAnswered()
    {
        await using TestServer server = await StartAsync(Options("plain"));
        using var client = new HttpClient { BaseAddress = new UriBuilder(server.Address) { Scheme = "http" }.Uri };
        Assert.CatchAsync<HttpRequestException>(() => client.GetAsync("/v1/models"));
    }

    [Test]
    public async Task ARequiredCertificateIsNeeded()
    {
        await using TestServer server = await StartAsync(Options("required", ClientCertificates.Required));
        using X509Certificate2 good = _certificates.Issue("someone", isClient: true);
        using var others = new Certificates();
        using X509Certificate2 foreign = others.Issue("someone", isClient: true);
        using X509Certificate2 wrongUse = _certificates.Issue("a server", isClient: false);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await IsAnsweredAsync(server, good));
            Assert.That(await IsAnsweredAsync(server, null), Is.False, "without");
            Assert.That(await IsAnsweredAsync(server, foreign), Is.False, "another authority's");
            Assert.That(await IsAnsweredAsync(server, wrongUse), Is.False, "a server's");
        }
    }

    [Test]
    public async Task AnOptionalCertificateMustBeGoodIfItComes()
    {
        await using TestServer server = await StartAsync(Options("optional", ClientCertificates.Optional));
        using var others = new Certificates();
        using X509Certificate2 foreign = others.Issue("someone", isClient: true);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await IsAnsweredAsync(server, null));
            Assert.That(await IsAnsweredAsync(server, foreign), Is.False);
        }
    }

    [Test]
    public async Task ARenewedCertificateIsTakenWithoutARestart()
    {
        await using TestServer server = await StartAsync(Options("renewed") with { Refreshes = true });
        Assert.That(await SubjectAsync(server), Is.EqualTo("CN=renewed"));
        (string certificate, _) = _certificates.Write("renewed", "again", isClient: false);
        File.SetLastWriteTimeUtc(certificate, DateTime.UtcNow.AddSeconds(5));
        Assert.That(() => SubjectAsync(server).GetAwaiter().GetResult(), Is.EqualTo("CN=again").After(10_000, 200));
    }

    [Test]
    public void ABadFileIsNamed([Values("nothing", "text", "other-key")] string what)
    {
        (string certificate, string key) = _certificates.Write("bad", "bad", isClient: false);
        TlsOptions options = new() { CertificateFile = certificate, KeyFile = key };
        options = what switch
        {
            "nothing" => options with { CertificateFile = certificate + ".not" },
            "text" => options with { CertificateFile = TestData.OpenAi("samples.jsonl") },
            _ => options with { KeyFile = _certificates.Write("other", "other", isClient: false).Key },
        };
        EngineException? e = Assert.Throws<EngineException>(() => _ = new TlsCertificates(options, TextWriter.Null));
        Assert.That(e!.Parameter, Is.EqualTo("ssl-certfile"));
    }

    [Test]
    public async Task AUnixSocketIsListenedOn()
    {
        string path = Path.Combine(Path.GetTempPath(), $"engine-{Guid.NewGuid():N}.sock");
        await using TestServer server = await TestServer.StartAsync(
            options: new ServerOptions { UnixSocket = path });
        using var client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        });
        using HttpResponseMessage response = await client.GetAsync("http://engine/v1/models");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    private TlsOptions Options(string name, ClientCertificates clients = ClientCertificates.None)
    {
        (string certificate, string key) = _certificates.Write(name, name, isClient: false);
        return new TlsOptions
        {
            CertificateFile = certificate,
            KeyFile = key,
            AuthoritiesFile = clients == ClientCertificates.None ? null : _certificates.AuthorityFile,
            ClientCertificates = clients,
        };
    }

    private static Task<TestServer> StartAsync(TlsOptions tls) =>
        TestServer.StartAsync(options: new ServerOptions { Port = 0, Tls = tls });

    private async Task<bool> IsAnsweredAsync(TestServer server, X509Certificate2? certificate)
    {
        using HttpClient client = Client(server, certificate);
        try
        {
            using HttpResponseMessage response = await client.GetAsync("/v1/models");
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private async Task<string> SubjectAsync(TestServer server)
    {
        string subject = "";
        using HttpClient client = Client(server, null, found => subject = found.Subject);
        using HttpResponseMessage response = await client.GetAsync("/livez");
        return subject;
    }

    private HttpClient Client(
        TestServer server, X509Certificate2? certificate = null, Action<X509Certificate2>? seen = null)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, found, chain, _) =>
        {
            var own = (X509Certificate2)found!;
            seen?.Invoke(own);
            chain!.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.Add(_certificates.Authority);
            chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            return chain.Build(own);
        };
        if (certificate is not null)
        {
            handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate;
        }

        return new HttpClient(handler) { BaseAddress = server.Address, Timeout = TimeSpan.FromSeconds(30) };
    }
}
