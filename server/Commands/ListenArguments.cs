using System.CommandLine;
using System.Text.Json;
using Engine.Server.Http;
using Engine.Server.Http.Security;

namespace Engine.Server.Commands;

/// <summary>Where the server listens, and who may call: address, TLS, other origins, the path it lies under.</summary>
internal sealed class ListenArguments
{
    private static readonly ServerOptions _defaults = new();

    private readonly Option<string> _host = new("--host")
    {
        Description = "Address to listen on. Beyond this machine only with --api-key.",
        DefaultValueFactory = _ => _defaults.Host,
    };

    private readonly Option<int> _port = new("--port")
    {
        Description = "0 takes a free one and prints it.",
        DefaultValueFactory = _ => _defaults.Port,
    };

    private readonly Option<string?> _uds = new("--uds")
    {
        Description = "Listens on a Unix socket of this path in place of host and port.",
    };

    private readonly Option<bool> _allowOpenBind = new("--allow-open-bind")
    {
        Description = "Listens beyond this machine without a key.",
    };

    private readonly Option<string?> _rootPath = new("--root-path")
    {
        Description = "Where a proxy puts the server, as in /llm; requests may come with and without it.",
    };

    private readonly Option<string?> _certificate = new("--ssl-certfile")
    {
        Description = "Certificate in PEM, those between it and its authority behind it: the server speaks TLS.",
    };

    private readonly Option<string?> _key = new("--ssl-keyfile")
    {
        Description = "The certificate's key in PEM. Default: it is in the certificate's file.",
    };

    private readonly Option<string?> _authorities = new("--ssl-ca-certs")
    {
        Description = "Authorities in PEM that clients' certificates must come from.",
    };

    private readonly Option<int> _clients = new("--ssl-cert-reqs")
    {
        Description = "Clients' certificates: 0 are not asked for, 1 are checked if they come, 2 are needed.",
    };

    private readonly Option<bool> _refresh = new("--enable-ssl-refresh")
    {
        Description = "Takes renewed certificates from their files while running.",
    };

    private readonly Option<string[]> _origins = List(
        "--allowed-origins", "Origins whose pages may call, as a JSON list or one by one; [\"*\"] is every page. Default: none.");

    private readonly Option<string[]> _methods = List("--allowed-methods", "Methods that those pages may use. Default: all.");

    private readonly Option<string[]> _headers = List("--allowed-headers", "Headers that those pages may send. Default: all.");

    private readonly Option<bool> _credentials = new("--allow-credentials")
    {
        Description = "Those pages may send cookies and passwords that the browser keeps.",
    };

    public void AddTo(Command command)
    {
        Option[] own =
        [
            _host, _port, _uds, _allowOpenBind, _rootPath, _certificate, _key, _authorities, _clients, _refresh,
            _origins, _methods, _headers, _credentials,
        ];
        foreach (Option option in own)
        {
            command.Options.Add(option);
        }
    }

    /// <summary>What these arguments say, over options that others have set.</summary>
    public ServerOptions ToOptions(ParseResult result, ServerOptions options)
    {
        var cors = new CorsOptions
        {
            Origins = Items(result, _origins, []),
            Methods = Items(result, _methods, ["*"]),
            Headers = Items(result, _headers, ["*"]),
            AllowCredentials = result.GetValue(_credentials),
        };
        cors.Validate();
        return options with
        {
            Host = result.GetValue(_host)!,
            Port = result.GetValue(_port) is var port and >= 0 and <= 65535
                ? port
                : throw EngineException.Invalid("port", "must be 0 to 65535"),
            UnixSocket = result.GetValue(_uds),
            AllowOpenBind = result.GetValue(_allowOpenBind),
            RootPath = RootPath(result.GetValue(_rootPath)),
            Tls = Tls(result),
            Cors = cors,
        };
    }

    private TlsOptions? Tls(ParseResult result)
    {
        string? certificate = result.GetValue(_certificate);
        int clients = result.GetValue(_clients);
        if (certificate is null)
        {
            Option? stray = new Option[] { _key, _authorities, _clients, _refresh }
                .FirstOrDefault(option => result.GetResult(option) is { Implicit: false });
            return stray is null
                ? null
                : throw EngineException.Invalid(stray.Name, $"{stray.Name} means nothing without --ssl-certfile");
        }

        return new TlsOptions
        {
            CertificateFile = certificate,
            KeyFile = result.GetValue(_key),
            AuthoritiesFile = result.GetValue(_authorities),
            ClientCertificates = clients is >= 0 and <= 2
                ? (ClientCertificates)clients
                : throw EngineException.Invalid("ssl-cert-reqs", $"must be 0, 1 or 2, found {clients}"),
            Refreshes = result.GetValue(_refresh),
        };
    }

    private static string RootPath(string? path)
    {
        string plain = path?.TrimEnd('/') ?? "";
        return plain.Length == 0 || plain.StartsWith('/')
            ? plain
            : throw EngineException.Invalid("root-path", $"must begin with /, found \"{path}\"");
    }

    private static Option<string[]> List(string name, string description) => new(name)
    {
        Description = description,
        AllowMultipleArgumentsPerToken = true,
    };

    // vLLM takes a JSON list; a shell is easier with plain words.
    private static string[] Items(ParseResult result, Option<string[]> option, string[] ifAbsent)
    {
        string[] given = result.GetValue(option) ?? [];
        if (given is not [string one] || !one.StartsWith('['))
        {
            return given.Length > 0 ? given : ifAbsent;
        }

        try
        {
            using var list = JsonDocument.Parse(one);
            return [.. list.RootElement.EnumerateArray().Select(item => item.GetString()!)];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw EngineException.Invalid(option.Name, $"must be a JSON list of strings, found {one}");
        }
    }
}
