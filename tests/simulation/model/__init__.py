"""What is modelled: the tables of the sources, and a load that reads them and commits by the lake's own code."""
