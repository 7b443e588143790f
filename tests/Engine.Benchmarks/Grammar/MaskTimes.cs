using System.Diagnostics;
using Engine.Diagnostics;
using Engine.Grammar;

namespace Engine.Benchmarks.Grammar;

/// <summary>Times of masks, what was done in them, and which were the worst.</summary>
internal sealed class MaskTimes(string name)
{
    private readonly List<double> _cpu = [];
    private readonly List<double> _wall = [];
    private readonly List<double> _least = [];
    private int _schemaBegin;
    private int _index;
    private readonly List<double> _deferred = [];
    private readonly List<double> _firstBytes = [];
    private readonly List<double> _knownBytes = [];
    private readonly List<(double Cpu, double Without, string Text)> _slow = [];
    private long _steps;
    private long _allocated;
    private int _collections;
    private TimeSpan _paused;
    private long _started;
    private double _from;

    /// <summary>The same masks as in the pass before, or those of another schema with pass 0.</summary>
    public void BeginPass(int pass)
    {
        _schemaBegin = pass == 0 ? _least.Count : _schemaBegin;
        _index = _schemaBegin;
    }

    public void Begin(Network network)
    {
        _steps = network.NumStepsMade;
        _collections = GC.CollectionCount(0);
        _paused = GC.GetTotalPauseDuration();
        _allocated = GC.GetAllocatedBytesForCurrentThread();
        _started = Stopwatch.GetTimestamp();
        _from = ThreadClock.Microseconds();
    }

    public void End(Network network, bool isFirst, int index, string schema)
    {
        double cpu = ThreadClock.Microseconds() - _from;
        double wall = Stopwatch.GetElapsedTime(_started).TotalMicroseconds;
        long allocated = GC.GetAllocatedBytesForCurrentThread() - _allocated;
        (isFirst ? _firstBytes : _knownBytes).Add(allocated);
        _cpu.Add(cpu);
        _wall.Add(wall);
        if (_index == _least.Count)
        {
            _least.Add(cpu);
        }

        _least[_index] = Math.Min(_least[_index], cpu);
        _index++;
        if (cpu < 200 && wall < 1000)
        {
            return;
        }

        double paused = (GC.GetTotalPauseDuration() - _paused).TotalMicroseconds;
        bool collected = GC.CollectionCount(0) > _collections;
        _slow.Add((cpu, collected ? 0 : cpu, $"{cpu,6:0} us of CPU, {wall,7:0} of the clock; "
            + (collected ? $"a collection of {paused:0} us, " : "no collection, ")
            + $"{(isFirst ? "first visit" : "known")}, {network.NumStepsMade - _steps} steps made, "
            + $"{allocated} bytes; token {index} of "
            + schema[..Math.Min(schema.Length, 100)]));
    }

    /// <summary>What another thread did; its time counts apart.</summary>
    public void Deferred(Action wait)
    {
        long started = Stopwatch.GetTimestamp();
        wait();
        _deferred.Add(Stopwatch.GetElapsedTime(started).TotalMicroseconds);
    }

    public void Print(int numWorst)
    {
        Print(name, _cpu);
        Print("  the least of a mask's passes", _least);
        Print("  by the clock", _wall);
        Console.WriteLine($"    above 1 ms: {_cpu.Count(t => t > 1000)} of CPU, of these without a collection "
            + $"{_slow.Count(s => s.Without > 1000)}, in every pass {_least.Count(t => t > 1000)}; "
            + $"{_wall.Count(t => t > 1000)} by the clock");
        PrintBytes("first visits", _firstBytes);
        PrintBytes("known places", _knownBytes);
        if (_deferred.Count > 0)
        {
            Print("  left to another thread", _deferred);
        }

        foreach ((_, _, string text) in _slow.OrderByDescending(slow => slow.Cpu).Take(numWorst))
        {
            Console.WriteLine($"    {text}");
        }
    }

    private static void PrintBytes(string name, List<double> values)
    {
        values.Sort();
        double worst = values.Count == 0 ? 0 : values[^1];
        Console.WriteLine(
            $"    allocated at {name}: {values.DefaultIfEmpty().Average():0} bytes on average, {worst:0} at worst, "
            + $"nothing in {values.Count(bytes => bytes == 0)} of {values.Count}");
    }

    public static void Print(string name, List<double> values)
    {
        values.Sort();
        double At(double part) => values.Count == 0 ? 0 : values[(int)(part * (values.Count - 1))];
        Console.WriteLine(
            $"  {name,-34} {values.Count,7} times: average {values.DefaultIfEmpty().Average(),9:0.0} us, "
            + $"median {At(0.5),9:0.0}, p99 {At(0.99),9:0.0}, p99.9 {At(0.999),9:0.0}, worst {At(1),9:0.0}");
    }
}
