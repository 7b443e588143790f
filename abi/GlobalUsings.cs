global using System.Runtime.InteropServices;
global using SleepMode = Engine.Hosting.SleepMode;
