using System.Diagnostics;
using System.Globalization;
using Engine.Hosting;

namespace Engine.Server.Terminal;

/// <summary>
/// One line that grows while a model loads. On a terminal it is redrawn in place, elsewhere each
/// stage is written once when it ends, so that logs stay readable.
/// </summary>
internal sealed class ProgressBar : IProgress<LoadProgress>, IDisposable
{
    private const int BarWidth = 30;
    private static readonly TimeSpan _redrawInterval = TimeSpan.FromMilliseconds(60);

    private readonly TextWriter _output;
    private readonly bool _isTerminal;
    private readonly object _lock = new();
    private LoadProgress _last;
    private long _stageStarted;
    private long _lastDrawn;
    private bool _isOpen;

    public ProgressBar(TextWriter output, bool isTerminal)
    {
        _output = output;
        _isTerminal = isTerminal;
    }

    /// <summary>On standard error, so that standard output holds the answer alone.</summary>
    public static ProgressBar OnStandardError() => new(Console.Error, !Console.IsErrorRedirected);

    public void Report(LoadProgress value)
    {
        lock (_lock)
        {
            if (_isOpen && value.Stage != _last.Stage)
            {
                EndStage();
            }

            if (!_isOpen)
            {
                _stageStarted = Stopwatch.GetTimestamp();
                _isOpen = true;
            }

            _last = value;
            bool isDone = value.TotalBytes > 0 && value.DoneBytes >= value.TotalBytes;
            if (_isTerminal && (isDone || Stopwatch.GetElapsedTime(_lastDrawn) >= _redrawInterval))
            {
                _lastDrawn = Stopwatch.GetTimestamp();
                _output.Write('\r' + Line() + "\x1b[K");
                _output.Flush();
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_isOpen)
            {
                EndStage();
            }
        }
    }

    private void EndStage()
    {
        _output.WriteLine(_isTerminal ? '\r' + Line() + "\x1b[K" : Line());
        _output.Flush();
        _isOpen = false;
    }

    private string Line()
    {
        double elapsedS = Math.Max(1e-3, Stopwatch.GetElapsedTime(_stageStarted).TotalSeconds);
        string rate = string.Create(
            CultureInfo.InvariantCulture,
            $"{ByteText.Of(_last.DoneBytes)} {elapsedS:F1} s {ByteText.Of((long)(_last.DoneBytes / elapsedS))}/s");
        if (_last.TotalBytes <= 0)
        {
            return $"{_last.Stage,-10} {rate}";
        }

        double share = Math.Clamp((double)_last.DoneBytes / _last.TotalBytes, 0, 1);
        int filled = (int)(share * BarWidth);
        string bar = new string('#', filled) + new string('.', BarWidth - filled);
        return string.Create(CultureInfo.InvariantCulture, $"{_last.Stage,-10} [{bar}] {share,4:P0} {rate}");
    }
}
