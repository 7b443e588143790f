namespace Engine.Server.Commands;

/// <summary>The small model that ships with the command.</summary>
internal static class DemoModel
{
    public const string Variable = "ENGINE_DEMO_MODEL";

    /// <summary>Its folder.</summary>
    /// <exception cref="EngineException">NotFound: the command is not installed in full.</exception>
    public static string Find()
    {
        string? named = Environment.GetEnvironmentVariable(Variable);
        string installed = Path.GetFullPath(
            Path.Combine(AppContext.BaseDirectory, "..", "share", "engine", "demo-model"));
        string folder = string.IsNullOrEmpty(named) ? installed : named;
        return File.Exists(Path.Combine(folder, "config.json"))
            ? folder
            : throw new EngineException(
                EngineStatus.NotFound,
                $"no model is named and there is no demo model in {folder}; name one with --model, "
                + $"or set {Variable}",
                "model");
    }
}
