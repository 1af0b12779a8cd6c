"""What is done on a machine that was rented: commands, files, and a look at what it is."""
