using System.Text;
using System.Text.Json;
using Engine.Abi.Types;

namespace Engine.Abi;

/// <summary>A bounded queue of lines that the host drains; off by default, never written anywhere else.</summary>
internal static class Log
{
    private const int MaxLines = 4096;

    private static readonly Queue<byte[]> _lines = new();
    private static readonly Lock _gate = new();
    private static int _level;
    private static long _dropped;

    public static LogLevel Level
    {
        get => (LogLevel)Volatile.Read(ref _level);
        set => Volatile.Write(ref _level, (int)value);
    }

    public static LogLevel Parse(string name) => name switch
    {
        "off" => LogLevel.Off,
        "error" => LogLevel.Error,
        "warning" => LogLevel.Warning,
        "info" => LogLevel.Info,
        "debug" => LogLevel.Debug,
        _ => throw EngineException.Invalid("log_level", $"'{name}' is none of off, error, warning, info, debug"),
    };

    public static void Write(LogLevel level, string message)
    {
        if (level > Level)
        {
            return;
        }

        byte[] line = Format(level, message);
        lock (_gate)
        {
            if (_lines.Count == MaxLines)
            {
                _lines.Dequeue();
                _dropped++;
            }

            _lines.Enqueue(line);
        }
    }

    /// <summary>Moves whole lines into the buffer.</summary>
    /// <returns>Bytes written.</returns>
    public static ulong Drain(Span<byte> buffer)
    {
        int written = 0;
        lock (_gate)
        {
            if (_dropped > 0 && _lines.Count > 0)
            {
                byte[] note = Format(LogLevel.Warning, $"{_dropped} older lines were dropped");
                if (note.Length <= buffer.Length)
                {
                    note.CopyTo(buffer);
                    written = note.Length;
                    _dropped = 0;
                }
            }

            while (_lines.TryPeek(out byte[]? line) && line.Length <= buffer.Length - written)
            {
                line.CopyTo(buffer[written..]);
                written += line.Length;
                _lines.Dequeue();
            }
        }

        return (ulong)written;
    }

    private static byte[] Format(LogLevel level, string message)
    {
        string time = DateTime.UtcNow.ToString("O");
        string name = level.ToString().ToLowerInvariant();
        return Encoding.UTF8.GetBytes(
            $"{{\"time\":\"{time}\",\"level\":\"{name}\",\"message\":\"{JsonEncodedText.Encode(message)}\"}}\n");
    }
}
