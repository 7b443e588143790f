namespace Engine.Diagnostics;

/// <summary>What a probe should be told.</summary>
public enum EngineHealthState
{
    /// <summary>Idle, or steps advance.</summary>
    Healthy = 0,

    /// <summary>Work is pending and no step has ended within the threshold.</summary>
    Stalled = 1,

    /// <summary>Does no more work; the message says why.</summary>
    Failed = 2,

    /// <summary>Finishes what it has and takes nothing new, or has stopped.</summary>
    Draining = 3,
}

/// <summary>The engine's health at one moment.</summary>
/// <param name="State">The state.</param>
/// <param name="Message">The reason, for a person; null if healthy.</param>
/// <param name="Status">Of Failed: EngineFailed, or DeviceLost where a new process is needed.</param>
public readonly record struct EngineHealth(
    EngineHealthState State, string? Message, EngineStatus Status = EngineStatus.EngineFailed)
{
    /// <summary>True if requests can be expected to be served.</summary>
    public bool IsHealthy => State == EngineHealthState.Healthy;
}
