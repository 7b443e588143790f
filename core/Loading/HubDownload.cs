using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Engine.Hosting;

namespace Engine.Loading;

/// <summary>A file as the hub describes it.</summary>
/// <param name="Name">Path inside the repository.</param>
/// <param name="Address">Below the endpoint.</param>
/// <param name="ETag">SHA-256 (large files) or git's SHA-1 (others), in hex; names the blob.</param>
/// <param name="Bytes">Size.</param>
internal sealed record HubFile(string Name, string Address, string ETag, long Bytes);

/// <summary>The requests of one download: descriptions, ranges, redirects, retries, hashes.</summary>
internal sealed class HubDownload : IDisposable
{
    private const int MaxRedirects = 8;
    private const int MaxListingBytes = 16 << 20;
    private readonly HubSettings _settings;
    private readonly IProgress<LoadProgress>? _progress;
    private readonly CancellationToken _cancellation;
    private readonly HttpClient _client;
    private long _totalBytes;
    private long _doneBytes;

    public HubDownload(HubSettings settings, IProgress<LoadProgress>? progress, CancellationToken cancellation)
    {
        _settings = settings;
        _progress = progress;
        _cancellation = cancellation;
        // Redirects are followed by hand: the token must not travel to another host.
        _client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectTimeout = settings.Timeout,
            ResponseDrainTimeout = TimeSpan.FromSeconds(1),
        })
        {
            Timeout = System.Threading.Timeout.InfiniteTimeSpan,
        };
        _client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("libengine", "0.1"));
    }

    /// <summary>Says how much the following Fetch calls will bring.</summary>
    public void Begin(long totalBytes)
    {
        _totalBytes = totalBytes;
        _progress?.Report(new LoadProgress("download", 0, totalBytes));
    }

    /// <summary>The body of a small answer.</summary>
    public string GetText(string address)
    {
        using HttpResponseMessage response = Retried(address, () => Send(HttpMethod.Get, address, 0));
        using Stream body = response.Content.ReadAsStream(_cancellation);
        var text = new MemoryStream();
        Copy(body, text, MaxListingBytes, _ => { });
        return Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length);
    }

    /// <summary>Asks for hash and size of a file.</summary>
    public HubFile Describe(string address, string name)
    {
        // The first answer has the headers, even where it redirects to a store of large files.
        using HttpResponseMessage response = Retried(
            address, () => Send(HttpMethod.Head, address, 0, followRedirects: false));
        string etag = (Header(response, "X-Linked-Etag") ?? Header(response, "ETag") ?? "").Trim('"');
        etag = etag.StartsWith("W/\"", StringComparison.Ordinal) ? etag[3..] : etag;
        string? size = Header(response, "X-Linked-Size");
        long bytes = size is not null && long.TryParse(size, out long linked)
            ? linked
            : response.Content.Headers.ContentLength ?? -1;
        if (etag.Length is < 8 or > 128 || !etag.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') || bytes < 0)
        {
            throw EngineException.Corrupt(name, "the hub sent neither a usable ETag nor a size");
        }

        return new HubFile(name, address, etag, bytes);
    }

    /// <summary>Brings a file into the blobs folder, going on where an earlier try ended.</summary>
    /// <returns>The blob's path.</returns>
    public string Fetch(HubFile file, string blobs)
    {
        Directory.CreateDirectory(blobs);
        string blob = Path.Combine(blobs, file.ETag);
        string partial = blob + ".incomplete";
        using FileStream output = OpenExclusively(partial, file.Name);
        if (!File.Exists(blob))
        {
            Retried(file.Address, () => FetchRest(file, output));
            output.Flush();
            Verify(file, output, partial);
            File.Move(partial, blob, overwrite: true);
        }
        else
        {
            File.Delete(partial);
        }

        _doneBytes += file.Bytes;
        _progress?.Report(new LoadProgress("download", _doneBytes, _totalBytes));
        return blob;
    }

    public void Dispose() => _client.Dispose();

    private bool FetchRest(HubFile file, FileStream output)
    {
        if (output.Length > file.Bytes)
        {
            output.SetLength(0);
        }

        if (output.Length == file.Bytes)
        {
            return true;
        }

        using HttpResponseMessage response = Send(HttpMethod.Get, file.Address, output.Length);
        if (response.StatusCode != HttpStatusCode.PartialContent)
        {
            output.SetLength(0);
        }

        output.Seek(0, SeekOrigin.End);
        using Stream body = response.Content.ReadAsStream(_cancellation);
        Copy(body, output, file.Bytes - output.Length, done =>
            _progress?.Report(new LoadProgress("download", _doneBytes + done, _totalBytes)));
        return output.Length == file.Bytes
            ? true
            : throw new IOException($"the connection ended after {output.Length} of {file.Bytes} bytes");
    }

    private static void Verify(HubFile file, FileStream output, string partial)
    {
        if (file.ETag.Length is not (40 or 64) || !file.ETag.All(char.IsAsciiHexDigit))
        {
            return;
        }

        output.Seek(0, SeekOrigin.Begin);
        using IncrementalHash hash = IncrementalHash.CreateHash(
            file.ETag.Length == 64 ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA1);
        if (file.ETag.Length == 40)
        {
            hash.AppendData(Encoding.ASCII.GetBytes($"blob {file.Bytes}\0"));
        }

        byte[] buffer = new byte[1 << 20];
        for (int n; (n = output.Read(buffer)) > 0;)
        {
            hash.AppendData(buffer, 0, n);
        }

        string found = Convert.ToHexString(hash.GetHashAndReset());
        if (!found.Equals(file.ETag, StringComparison.OrdinalIgnoreCase))
        {
            File.Delete(partial);
            throw EngineException.Corrupt(file.Name, $"downloaded with hash {found}, expected {file.ETag}");
        }
    }

    private HttpResponseMessage Send(HttpMethod method, string address, long from, bool followRedirects = true)
    {
        string root = _settings.Endpoint.AbsoluteUri;
        var target = new Uri((root.EndsWith('/') ? root : root + "/") + address);
        for (int hop = 0; hop < MaxRedirects; hop++)
        {
            using var request = new HttpRequestMessage(method, target);
            if (_settings.Token is not null && target.Authority == _settings.Endpoint.Authority
                && target.Scheme == _settings.Endpoint.Scheme)
            {
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _settings.Token);
            }

            if (from > 0)
            {
                request.Headers.Range = new RangeHeaderValue(from, null);
            }

            HttpResponseMessage response = SendOnce(request);
            bool redirects = (int)response.StatusCode is 301 or 302 or 303 or 307 or 308;
            if (!redirects || response.Headers.Location is null)
            {
                return Checked(response, address);
            }

            // A redirect within the host is a renamed repository: follow it in any case.
            var next = new Uri(target, response.Headers.Location);
            if (!followRedirects && next.Authority != _settings.Endpoint.Authority)
            {
                return response;
            }

            response.Dispose();
            target = next.Scheme is "https" || next.Scheme == _settings.Endpoint.Scheme
                ? next
                : throw new EngineException(EngineStatus.Io, $"{address}: redirected to {next.Scheme}");
        }

        throw new EngineException(EngineStatus.Io, $"{address}: more than {MaxRedirects} redirects");
    }

    private HttpResponseMessage SendOnce(HttpRequestMessage request)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_cancellation);
        timeout.CancelAfter(_settings.Timeout);
        try
        {
            return _client.Send(request, HttpCompletionOption.ResponseHeadersRead, timeout.Token);
        }
        catch (OperationCanceledException e) when (!_cancellation.IsCancellationRequested)
        {
            throw new IOException($"no answer within {_settings.Timeout.TotalSeconds:0} s", e);
        }
    }

    private HttpResponseMessage Checked(HttpResponseMessage response, string address)
    {
        int code = (int)response.StatusCode;
        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        response.Dispose();
        throw code switch
        {
            401 or 403 => new EngineException(
                EngineStatus.NotFound,
                $"{address}: the hub answered {code}; " + (_settings.Token is null
                    ? "the model may be private or gated: set HF_TOKEN"
                    : "HF_TOKEN has no access to it"),
                "model"),
            404 => new EngineException(
                EngineStatus.NotFound, $"{address}: the hub knows no such model, revision or file", "model"),
            416 => new IOException("the hub refused the range"),
            >= 500 or 408 or 429 => new IOException($"the hub answered {code}"),
            _ => new EngineException(EngineStatus.Io, $"{address}: the hub answered {code}"),
        };
    }

    private T Retried<T>(string address, Func<T> action)
    {
        TimeSpan delay = _settings.RetryDelay;
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return action();
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                if (attempt >= _settings.MaxTries)
                {
                    throw new EngineException(
                        EngineStatus.Io,
                        $"{_settings.Endpoint.Authority}/{address}: {e.Message} (after {attempt} tries)",
                        "model",
                        e);
                }
            }

            if (_cancellation.WaitHandle.WaitOne(delay))
            {
                throw new OperationCanceledException(_cancellation);
            }

            delay *= 2;
        }
    }

    /// <summary>Copies at most <paramref name="maxBytes"/>; silence on the wire counts as a lost connection.</summary>
    private void Copy(Stream source, Stream destination, long maxBytes, Action<long> report)
    {
        byte[] buffer = new byte[1 << 18];
        long copied = 0;
        while (true)
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_cancellation);
            timeout.CancelAfter(_settings.Timeout);
            int n;
            try
            {
                n = source.ReadAsync(buffer, timeout.Token).AsTask().GetAwaiter().GetResult();
            }
            catch (OperationCanceledException e) when (!_cancellation.IsCancellationRequested)
            {
                throw new IOException($"nothing arrived for {_settings.Timeout.TotalSeconds:0} s", e);
            }

            if (n == 0)
            {
                return;
            }

            copied += n;
            if (copied > maxBytes)
            {
                throw new EngineException(EngineStatus.CorruptData, "the hub sent more than it had announced");
            }

            destination.Write(buffer, 0, n);
            report(destination.Length);
        }
    }

    private static FileStream OpenExclusively(string path, string name)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new EngineException(
                EngineStatus.WouldBlock, $"{name}: another process is downloading it ({path})", "model", e);
        }
    }

    private static string? Header(HttpResponseMessage response, string name)
    {
        if (response.Headers.TryGetValues(name, out IEnumerable<string>? values)
            || response.Content.Headers.TryGetValues(name, out values))
        {
            return values.FirstOrDefault();
        }

        return null;
    }
}
