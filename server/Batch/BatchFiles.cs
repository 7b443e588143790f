using System.Text.Json;
using Engine.Server.Terminal;

namespace Engine.Server.Batch;

/// <summary>
/// The output of a batch while it is being made: a file beside the wanted one, which takes its name when all is there.
/// </summary>
internal sealed class BatchOutput : IAsyncDisposable
{
    private const int MaxAnswerBytes = int.MaxValue / 2;
    private static readonly byte[] _newline = "\n"u8.ToArray();

    private readonly string _path;
    private readonly FileStream _file;

    private BatchOutput(string path, FileStream file, IReadOnlyList<string?> done)
    {
        _path = path;
        _file = file;
        Done = done;
    }

    /// <summary>custom_id of the lines that an earlier run has answered.</summary>
    public IReadOnlyList<string?> Done { get; }

    /// <summary>Where the output is until it is complete.</summary>
    public static string PartialOf(string path) => path + ".partial";

    /// <param name="path">The output that is wanted.</param>
    /// <param name="resumes">Goes on behind what an earlier run has left; else that is thrown away.</param>
    /// <param name="cancellation">Stops reading what is there.</param>
    public static async Task<BatchOutput> OpenAsync(string path, bool resumes, CancellationToken cancellation)
    {
        var file = new FileStream(
            PartialOf(path), resumes ? FileMode.OpenOrCreate : FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        try
        {
            var done = new List<string?>();
            long end = 0;
            await foreach (TextLine line in LineReader.ReadAsync(file, MaxAnswerBytes, cancellation))
            {
                // A line without its end was being written when that run stopped: it is made again.
                if (line.IsEnded)
                {
                    done.Add(CustomIdOf(line.Bytes, done.Count + 1, PartialOf(path)));
                    end = line.EndOffset;
                }
            }

            file.SetLength(end);
            file.Position = end;
            return new BatchOutput(path, file, done);
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    public async Task WriteAsync(ReadOnlyMemory<byte> line)
    {
        await _file.WriteAsync(line);
        await _file.WriteAsync(_newline);
    }

    /// <summary>Hands what is written to the system: it outlives this process.</summary>
    public Task FlushAsync() => _file.FlushAsync();

    /// <summary>All is there: the output takes its name.</summary>
    public async Task CompleteAsync()
    {
        _file.Flush(flushToDisk: true);
        await _file.DisposeAsync();
        File.Move(PartialOf(_path), _path, overwrite: true);
    }

    public ValueTask DisposeAsync() => _file.DisposeAsync();

    private static string? CustomIdOf(byte[]? line, int number, string path)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return document.RootElement.GetProperty("custom_id").GetString();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw EngineException.Invalid("resume", $"{path}, line {number} is no answer of a batch; delete the file");
        }
    }
}
