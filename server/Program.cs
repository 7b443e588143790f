return await Engine.Server.Commands.CommandLineApp.RunAsync(args);
