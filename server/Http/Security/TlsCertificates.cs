using System.Diagnostics;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Engine.Server.Http.Security;

/// <summary>Reads the files of TLS, and says how each handshake is to be made.</summary>
internal sealed class TlsCertificates
{
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    private static readonly TimeSpan _refreshInterval = TimeSpan.FromSeconds(1);

    private readonly TlsOptions _options;
    private readonly TextWriter _log;
    private readonly Lock _lock = new();
    private SslServerAuthenticationOptions _current;
    private DateTime _readAt;
    private long _checkedAt;

    /// <exception cref="EngineException">A file is not there or not what it should be.</exception>
    public TlsCertificates(TlsOptions options, TextWriter log)
    {
        _options = options;
        _log = log;
        _readAt = NewestFile();
        _current = Read();
        _checkedAt = Stopwatch.GetTimestamp();
    }

    /// <summary>How to make the next handshake.</summary>
    public SslServerAuthenticationOptions Current
    {
        get
        {
            if (_options.Refreshes)
            {
                Refresh();
            }

            return Volatile.Read(ref _current);
        }
    }

    private void Refresh()
    {
        lock (_lock)
        {
            if (Stopwatch.GetElapsedTime(_checkedAt) < _refreshInterval)
            {
                return;
            }

            _checkedAt = Stopwatch.GetTimestamp();
            DateTime newest = NewestFile();
            if (newest == _readAt)
            {
                return;
            }

            try
            {
                Volatile.Write(ref _current, Read());
                _readAt = newest;
            }
            catch (EngineException e)
            {
                // The certificate and its key are two files: one may be written before the other. The old pair serves.
                _log.WriteLine($"TLS: the renewed certificate cannot be used yet: {e.Message}");
            }
        }
    }

    private DateTime NewestFile() =>
        new[] { _options.CertificateFile, _options.KeyFile, _options.AuthoritiesFile }
            .OfType<string>().Max(File.GetLastWriteTimeUtc);

    private SslServerAuthenticationOptions Read()
    {
        bool asksClients = _options.ClientCertificates != ClientCertificates.None;
        bool isRequired = _options.ClientCertificates == ClientCertificates.Required;
        (X509Certificate2 certificate, X509Certificate2Collection between) = ReadOwn();
        return new SslServerAuthenticationOptions
        {
            ServerCertificateContext = SslStreamCertificateContext.Create(certificate, between, offline: true),
            ClientCertificateRequired = asksClients,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            CertificateChainPolicy = asksClients ? ClientPolicy() : null,
            RemoteCertificateValidationCallback = asksClients
                ? (_, client, _, errors) => client is null ? !isRequired : errors == SslPolicyErrors.None
                : null,
        };
    }

    private (X509Certificate2 Certificate, X509Certificate2Collection Between) ReadOwn()
    {
        string file = _options.CertificateFile;
        return Reading("ssl-certfile", file, () =>
        {
            X509Certificate2Collection all = [];
            all.ImportFromPemFile(file);
            return (X509Certificate2.CreateFromPemFile(file, _options.KeyFile ?? file),
                new X509Certificate2Collection(all.Skip(1).ToArray()));
        });
    }

    private X509ChainPolicy ClientPolicy()
    {
        string file = _options.AuthoritiesFile
            ?? throw EngineException.Invalid("ssl-ca-certs", "is needed to check clients' certificates");
        X509Certificate2Collection authorities = Reading("ssl-ca-certs", file, () =>
        {
            X509Certificate2Collection all = [];
            all.ImportFromPemFile(file);
            return all;
        });
        if (authorities.Count == 0)
        {
            throw EngineException.Invalid("ssl-ca-certs", $"{file} holds no certificate");
        }

        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(authorities);
        policy.ApplicationPolicy.Add(new Oid(ClientAuthentication));
        return policy;
    }

    private static T Reading<T>(string option, string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw EngineException.Invalid(option, $"{file} cannot be used: {e.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException(EngineStatus.Io, $"{option}: {file} cannot be read: {e.Message}", option, e);
        }
    }
}
