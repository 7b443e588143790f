using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Engine.Tests.Loading;

/// <summary>A small hub on loopback: listing, HEAD, ranges, redirects, tokens, broken connections.</summary>
internal sealed class HubTestServer : IDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Thread _thread;
    private readonly Dictionary<string, byte[]> _files;
    private volatile bool _stopped;

    public HubTestServer(Dictionary<string, byte[]> files)
    {
        _files = files;
        _listener.Start();
        _thread = new Thread(Accept) { IsBackground = true };
        _thread.Start();
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    /// <summary>"METHOD path range authorization" of each request.</summary>
    public List<string> Log { get; } = [];

    public string? RequiredToken { get; init; }

    /// <summary>Large files are answered by a redirect to this host.</summary>
    public Uri? Store { get; init; }

    /// <summary>Bodies end after this many bytes, this many times.</summary>
    public int BreakAfterBytes { get; set; }

    public int NumBreaks { get; set; }

    public bool CorruptsBodies { get; set; }

    public int Bodies => Log.Count(line => line.StartsWith("GET", StringComparison.Ordinal)
        && line.Contains("/resolve/", StringComparison.Ordinal));

    public static string HashOf(byte[] content, bool isLarge)
    {
        if (isLarge)
        {
            return Convert.ToHexString(SHA256.HashData(content)).ToLowerInvariant();
        }

        byte[] header = Encoding.ASCII.GetBytes($"blob {content.Length}\0");
        return Convert.ToHexString(SHA1.HashData([.. header, .. content])).ToLowerInvariant();
    }

    public void Dispose()
    {
        _stopped = true;
        _listener.Stop();
        _thread.Join(TimeSpan.FromSeconds(5));
    }

    private void Accept()
    {
        while (!_stopped)
        {
            try
            {
                using TcpClient client = _listener.AcceptTcpClient();
                client.NoDelay = true;
                Serve(client.GetStream());
            }
            catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
            {
                // A client that went away is part of the tests.
            }
        }
    }

    private void Serve(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.ASCII, false, 4096, leaveOpen: true);
        string[] request = (reader.ReadLine() ?? "").Split(' ');
        if (request.Length < 2)
        {
            return;
        }

        string range = "", authorization = "";
        for (string? line; (line = reader.ReadLine()) is { Length: > 0 };)
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            string value = line[(colon + 1)..].Trim();
            range = line.StartsWith("Range:", StringComparison.OrdinalIgnoreCase) ? value : range;
            authorization = line.StartsWith("Authorization:", StringComparison.OrdinalIgnoreCase)
                ? value : authorization;
        }

        lock (Log)
        {
            Log.Add($"{request[0]} {request[1]} {range} {authorization}".TrimEnd());
        }

        Answer(stream, request[0] == "HEAD", request[1], range, authorization);
    }

    private void Answer(NetworkStream stream, bool isHead, string path, string range, string authorization)
    {
        if (RequiredToken is not null && authorization != "Bearer " + RequiredToken)
        {
            Write(stream, "401 Unauthorized", "", [], isHead);
        }
        else if (path.StartsWith("/api/models/org/tiny/revision/", StringComparison.Ordinal))
        {
            string names = string.Join(",", _files.Keys.Select(name => $"{{\"rfilename\":\"{name}\"}}"));
            Write(
                stream, "200 OK", "", Encoding.UTF8.GetBytes($"{{\"sha\":\"{Commit}\",\"siblings\":[{names}]}}"), false);
        }
        else if (_files.TryGetValue(path.Split('/')[^1], out byte[]? content))
        {
            AnswerFile(stream, isHead, path, range, content);
        }
        else
        {
            Write(stream, "404 Not Found", "", [], isHead);
        }
    }

    private void AnswerFile(NetworkStream stream, bool isHead, string path, string range, byte[] content)
    {
        bool isLarge = path.EndsWith(".safetensors", StringComparison.Ordinal);
        string hash = HashOf(content, isLarge);
        if (isLarge && Store is not null)
        {
            Write(
                stream,
                "302 Found",
                $"Location: {Store}store/{path.Split('/')[^1]}\r\nX-Linked-Etag: \"{hash}\"\r\nX-Linked-Size: {content.Length}\r\n",
                [],
                isHead);
            return;
        }

        string headers = $"ETag: \"{hash}\"\r\n";
        string status = "200 OK";
        byte[] body = CorruptsBodies ? [.. content.Select(b => (byte)(b ^ 1))] : content;
        if (range.StartsWith("bytes=", StringComparison.Ordinal))
        {
            int from = int.Parse(range[6..].TrimEnd('-'), CultureInfo.InvariantCulture);
            headers += $"Content-Range: bytes {from}-{body.Length - 1}/{body.Length}\r\n";
            body = body[from..];
            status = "206 Partial Content";
        }

        Write(stream, status, headers, body, isHead);
    }

    private void Write(NetworkStream stream, string status, string headers, byte[] body, bool isHead)
    {
        byte[] head = Encoding.ASCII.GetBytes(
            $"HTTP/1.1 {status}\r\nContent-Length: {body.Length}\r\nConnection: close\r\n{headers}\r\n");
        stream.Write(head);
        if (isHead)
        {
            return;
        }

        bool breaks = NumBreaks > 0 && body.Length > BreakAfterBytes;
        NumBreaks -= breaks ? 1 : 0;
        stream.Write(breaks ? body.AsSpan(0, BreakAfterBytes) : body);
        stream.Flush();
    }
}
