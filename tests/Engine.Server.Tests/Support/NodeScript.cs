namespace Engine.Server.Tests.Support;

/// <summary>Runs a script of tests/clients/node, with its packages installed once.</summary>
internal static class NodeScript
{
    private static readonly SemaphoreSlim _installing = new(1);

    /// <summary>Where the scripts and their packages are.</summary>
    public static string Folder { get; } = Path.Combine(TestData.Root, "tests", "clients", "node");

    public static async Task<(int Status, string Output)> RunAsync(string script, params string[] arguments)
    {
        await InstallAsync();
        return await RunProgramAsync("node", [script, .. arguments]);
    }

    /// <summary>Installs the packages, once.</summary>
    public static async Task InstallAsync()
    {
        // npm writes this file last: it is older than the list only if packages were added since.
        var installed = new FileInfo(Path.Combine(Folder, "node_modules", ".package-lock.json"));
        var wanted = new FileInfo(Path.Combine(Folder, "package-lock.json"));
        await _installing.WaitAsync();
        try
        {
            if (installed.Exists && installed.LastWriteTimeUtc >= wanted.LastWriteTimeUtc) return;
            (int code, string text) = await RunProgramAsync("npm", ["ci", "--no-audit", "--no-fund"]);
            Assert.That(code, Is.Zero, text);
        }
        finally
        {
            _installing.Release();
        }
    }

    private static async Task<(int Status, string Output)> RunProgramAsync(
        string command, string[] arguments)
    {
        (int code, string output, string error) = await ExternalProgram.RunAsync(command, arguments, Folder);
        return (code, output + error);
    }
}
