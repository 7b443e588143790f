using System.Runtime.InteropServices;

namespace Engine.Server.Terminal;

/// <summary>Turns the first SIGINT or SIGTERM into a cancellation; a second one ends the process.</summary>
internal sealed class Interrupt : IDisposable
{
    private readonly CancellationTokenSource _source;
    private readonly PosixSignalRegistration[] _registrations;
    private int _count;

    public Interrupt(CancellationToken outer = default)
    {
        _source = CancellationTokenSource.CreateLinkedTokenSource(outer);
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
        ];
    }

    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }

        _source.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        // Left alone, the second signal does what it always does.
        context.Cancel = Interlocked.Increment(ref _count) == 1;
        if (context.Cancel)
        {
            ThreadPool.QueueUserWorkItem(static source => source.Cancel(), _source, preferLocal: false);
        }
    }
}
