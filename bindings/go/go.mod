module example.com/libengine

go 1.19
