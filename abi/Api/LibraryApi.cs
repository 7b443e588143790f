using Engine.Abi.Handles;
using Engine.Abi.Params;
using Engine.Abi.Types;

namespace Engine.Abi.Api;

/// <summary>The library as a whole.</summary>
internal static unsafe class LibraryApi
{
    /// <summary>Starts the library. Optional: every other call does it; idempotent, and possible again
    /// after engine_shutdown.</summary>
    /// <param name="options">Params of kind LIBRARY, or NULL.</param>
    [AbiFunction("engine_init", Threading = Threading.Init)]
    public static EngineStatus Init(ParamsHandle options)
    {
        if (options.Value != 0)
        {
            using HandlePin<ParamSet> pin = ParamsApi.PinOf(options, ParamsKind.Library);
            if (OptionsReader.Text(pin.Target.Snapshot(), "log_level") is { } level)
            {
                Log.Level = Log.Parse(level);
            }
        }

        Log.Write(LogLevel.Info, "library started");
        return EngineStatus.Ok;
    }

    /// <summary>Stops every engine: nothing new is taken, running requests may end for timeout_ms, the rest is
    /// cancelled. Optional at exit; idempotent. Handles stay valid until released; new engines can be made
    /// after it.</summary>
    /// <param name="timeoutMs">How long running requests may take to end; 0 cancels at once, -1 waits for all.</param>
    /// <returns>ENGINE_E_TIMEOUT if requests had to be cancelled.</returns>
    [AbiFunction("engine_shutdown", Threading = Threading.Init)]
    public static EngineStatus Shutdown(int timeoutMs) => Lifetime.Shutdown(timeoutMs);

    /// <summary>How much is logged from now on.</summary>
    /// <param name="level">An engine_log_level.</param>
    [AbiFunction("engine_log_set_level", Lifecycle = Lifecycle.Unstable)]
    public static EngineStatus LogSetLevel(LogLevel level)
    {
        if (level is < LogLevel.Off or > LogLevel.Debug)
        {
            throw EngineException.Invalid("level", $"{(int)level} is no engine_log_level");
        }

        Log.Level = level;
        return EngineStatus.Ok;
    }

    /// <summary>Takes the lines logged since the last drain: JSON objects {"time","level","message"}, one per line.
    /// Lines that do not fit stay for the next drain; the oldest of more than 4096 are dropped and counted.</summary>
    /// <param name="buffer">Takes the lines.</param>
    /// <param name="capacity">Its size in bytes.</param>
    /// <param name="length">Bytes written.</param>
    [AbiFunction("engine_log_drain", Lifecycle = Lifecycle.Unstable)]
    public static EngineStatus LogDrain(byte* buffer, ulong capacity, ulong* length)
    {
        Interop.Required(length, "length");
        *length = Log.Drain(new Span<byte>(buffer, (int)Math.Min(capacity, int.MaxValue)));
        return EngineStatus.Ok;
    }
}

/// <summary>What native/shim.c implements: these need no runtime and work after a fork.</summary>
internal unsafe interface INativeApi
{
    /// <summary>The library's ABI version: major in the upper 16 bits, minor in the lower.</summary>
    [AbiFunction("engine_abi_version", Native = true, NoError = true)]
    uint AbiVersion();

    /// <summary>The library's version, as "0.1.0". Static.</summary>
    [AbiFunction("engine_version_string", Native = true, NoError = true)]
    [return: CString]
    byte* VersionString();

    /// <summary>The name of a status, as "ENGINE_E_IO"; "ENGINE_E_UNKNOWN" for numbers it does not know. Static.</summary>
    /// <param name="status">Any number.</param>
    [AbiFunction("engine_status_name", Native = true, NoError = true)]
    [return: CString]
    byte* StatusName(int status);

    /// <summary>What a status means when there is no error object. Static.</summary>
    /// <param name="status">Any number.</param>
    [AbiFunction("engine_status_message", Native = true, NoError = true)]
    [return: CString]
    byte* StatusMessage(int status);

    /// <summary>1 if this build has a feature, such as "lora"; 0 for unknown names.</summary>
    /// <param name="name">The feature.</param>
    [AbiFunction("engine_has_feature", Native = true, NoError = true)]
    int HasFeature([CString] byte* name);

    /// <summary>Sizes and offsets of every struct and the value of every enum member, as JSON, for bindings
    /// to check.</summary>
    /// <param name="buffer">Takes the text; not NUL-terminated.</param>
    /// <param name="capacity">Its size in bytes.</param>
    /// <param name="length">The size needed.</param>
    /// <returns>ENGINE_E_BUFFER_TOO_SMALL if capacity is less than length.</returns>
    [AbiFunction("engine_abi_layout_json", Native = true, NoError = true)]
    EngineStatus AbiLayoutJson(byte* buffer, ulong capacity, ulong* length);
}
