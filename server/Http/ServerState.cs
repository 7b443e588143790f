using Engine.Diagnostics;
using Engine.Server.Http.Hosting;

namespace Engine.Server.Http;

/// <summary>Whether new work is taken, and how much is under way.</summary>
internal sealed class ServerState(IEngineBackend engine)
{
    private int _numActive;
    private volatile bool _isDraining;

    /// <summary>Requests that generate right now.</summary>
    public int NumActive => Volatile.Read(ref _numActive);

    /// <summary>True from the moment that shutdown begins.</summary>
    public bool IsDraining => _isDraining;

    public void BeginDrain() => _isDraining = true;

    public void Enter()
    {
        Interlocked.Increment(ref _numActive);
        if (_isDraining)
        {
            Leave();
            throw new ApiException(StatusCodes.Status503ServiceUnavailable, "The server is shutting down.");
        }
    }

    public void Leave() => Interlocked.Decrement(ref _numActive);

    /// <summary>Throws 503 unless requests can be expected to be served.</summary>
    public void CheckHealthy()
    {
        if (_isDraining)
        {
            throw new ApiException(StatusCodes.Status503ServiceUnavailable, "The server is shutting down.");
        }

        EngineHealth health = engine.Health;
        if (!health.IsHealthy)
        {
            throw new ApiException(
                StatusCodes.Status503ServiceUnavailable, health.Message ?? $"The engine is {health.State}.");
        }
    }
}
